package interpreter

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// twin runs an input in btcd's engine.
func (s spend) twin(index int) error { return s.twinWith(index, s.fetcher(), s.hashes()) }

func (s spend) twinWith(index int, spent txscript.PrevOutputFetcher, hashes *txscript.TxSigHashes) error {
	out := s.spent[index]
	engine, err := txscript.NewEngine(out.PkScript, s.tx, index, s.flags, nil, hashes, out.Value, spent)
	if err != nil {
		return err
	}
	return engine.Execute()
}

// twinAll runs all inputs, which share their hashes.
func (s spend) twinAll() error {
	spent, hashes := s.fetcher(), s.hashes()
	for i := range s.tx.TxIn {
		if err := s.twinWith(i, spent, hashes); err != nil {
			return err
		}
	}
	return nil
}

// ruleSet makes a possible one of any flags.
func ruleSet(flags txscript.ScriptFlags) txscript.ScriptFlags {
	if flags&txscript.ScriptVerifyCleanStack != 0 {
		flags |= txscript.ScriptVerifyWitness
	}
	if flags&txscript.ScriptVerifyWitness != 0 {
		flags |= txscript.ScriptBip16
	}
	return flags & (1<<len(everyFlag) - 1)
}

// consensusFlags are the rules of blocks.
const consensusFlags = txscript.ScriptBip16 | txscript.ScriptVerifyDERSignatures | txscript.ScriptVerifyCheckLockTimeVerify |
	txscript.ScriptVerifyCheckSequenceVerify | txscript.ScriptVerifyWitness | txscript.ScriptStrictMultiSig | txscript.ScriptVerifyTaproot

// everyFlag is the engine's list.
var everyFlag = []txscript.ScriptFlags{
	txscript.ScriptBip16, txscript.ScriptStrictMultiSig, txscript.ScriptDiscourageUpgradableNops,
	txscript.ScriptVerifyCheckLockTimeVerify, txscript.ScriptVerifyCheckSequenceVerify, txscript.ScriptVerifyCleanStack,
	txscript.ScriptVerifyDERSignatures, txscript.ScriptVerifyLowS, txscript.ScriptVerifyMinimalData, txscript.ScriptVerifyNullFail,
	txscript.ScriptVerifySigPushOnly, txscript.ScriptVerifyStrictEncoding, txscript.ScriptVerifyWitness,
	txscript.ScriptVerifyDiscourageUpgradeableWitnessProgram, txscript.ScriptVerifyMinimalIf,
	txscript.ScriptVerifyWitnessPubKeyType, txscript.ScriptVerifyTaproot, txscript.ScriptVerifyDiscourageUpgradeableTaprootVersion,
	txscript.ScriptVerifyDiscourageOpSuccess, txscript.ScriptVerifyDiscourageUpgradeablePubkeyType,
	txscript.ScriptVerifyConstScriptCode,
}

func TestEveryFlagIsKnown(t *testing.T) {
	for i, flag := range everyFlag {
		require.Equal(t, txscript.ScriptFlags(1)<<i, flag)
	}
}

// requireSame: both engines say the same of an input, under the rules given and
// under those of blocks among them.
func (s spend) requireSame(t testing.TB, index int) {
	t.Helper()
	for _, flags := range []txscript.ScriptFlags{s.flags, s.flags & consensusFlags} {
		s.flags = flags
		ours, theirs := NewTx(s.tx, s.spent).Verify(index, flags), s.twin(index)
		if (ours == nil) == (theirs == nil) || s.isKnown(index, ours, theirs) {
			continue
		}
		var raw bytes.Buffer
		require.NoError(t, s.tx.Serialize(&raw))
		require.Equal(t, theirs, ours, "rules %x, input %d of %x, which spends %x", flags, index, raw.Bytes(), s.spent[index].PkScript)
	}
}

// hasDuplicates: two inputs spend the same, which no valid transaction does, and
// by which the engine finds what is spent.
func (s spend) hasDuplicates() bool {
	seen := map[wire.OutPoint]bool{}
	for _, in := range s.tx.TxIn {
		if seen[in.PreviousOutPoint] {
			return true
		}
		seen[in.PreviousOutPoint] = true
	}
	return false
}
