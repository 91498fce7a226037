package interpreter

import (
	"bytes"
	"errors"
	"slices"
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

// Where the engine is known to differ from Bitcoin Core under rules of policy.
// Those that it does not have, or does not reach: what is refused here for one of
// these reasons may be valid there.
var unknownToTheTwin = []*Error{
	// CHECKMULTISIG looks at the key's encoding only if the signature is not empty
	// and can be read; Bitcoin Core always does.
	errPubKeyType, errWitnessPubKeyType,
	// An empty signature, and one whose encoding or key is not valid, are not
	// looked for in the script code.
	errSigFindAndDelete,
	// With an empty signature, keys of other lengths are not discouraged.
	errDiscouragePubKeyType,
	// OP_SUCCESSx makes leaves of other versions valid, too.
	errDiscourageTaproot,
}

// What is valid here may be refused there for these.
var strangeToBitcoinCore = []txscript.ErrorCode{
	// An s that is not below the order counts as high; in Bitcoin Core the
	// signature becomes one of zeros, whose s is low.
	txscript.ErrSigHighS,
	// CHECKLOCKTIMEVERIFY and CHECKSEQUENCEVERIFY are discouraged while they have
	// no meaning.
	txscript.ErrDiscourageUpgradableNOPs,
	// OP_SUCCESSx is discouraged in leaves of other versions, too.
	txscript.ErrDiscourageOpSuccess,
	// The stack of an output that is taproot's is not cleaned where taproot does
	// not apply.
	txscript.ErrCleanStack,
}

// isKnown reports whether a difference is one of those above.
func (s spend) isKnown(index int, ours, theirs error) bool {
	const strict = txscript.ScriptVerifyDERSignatures | txscript.ScriptVerifyLowS | txscript.ScriptVerifyStrictEncoding
	if s.flags&strict == 0 && s.hasLooseDER(index) {
		return true
	}
	if s.flags&^consensusFlags == 0 {
		return false
	}
	var failed *Error
	if errors.As(ours, &failed) {
		return slices.Contains(unknownToTheTwin, failed)
	}
	var code txscript.Error
	return errors.As(theirs, &code) && slices.Contains(strangeToBitcoinCore, code.ErrorCode)
}

// hasLooseDER reports whether an element of an input looks like a signature that
// is no strict DER: before BIP66 the engine accepts others of them than Bitcoin
// Core.
func (s spend) hasLooseDER(index int) bool {
	in := s.tx.TxIn[index]
	scripts := append([][]byte{in.SignatureScript, s.spent[index].PkScript}, in.Witness...)
	for len(scripts) > 0 {
		script := scripts[0]
		scripts = scripts[1:]
		if len(script) > 0 && script[0] == 0x30 && !isStrictDER(script) {
			return true
		}
		for at := 0; at < len(script); {
			_, data, next, ok := instruction(script, at)
			if !ok {
				break
			}
			if len(data) > 0 {
				scripts = append(scripts, data)
			}
			at = next
		}
	}
	return false
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
