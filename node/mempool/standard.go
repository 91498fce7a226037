package mempool

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Bounds of standard transactions.
const (
	maxStandardWeight     = 400_000
	maxScriptSig          = 1650
	minStrippedSize       = 65 // CVE-2017-12842
	maxStandardSigOpsCost = consensus.MaxBlockSigOpsCost / 5
	maxLegacySigOps       = 2500 // BIP54
	maxP2SHSigOps         = 15
	maxDustOutputs        = 1
)

// StandardFlags are the rules for scripts of transactions outside of blocks.
const StandardFlags = txscript.ScriptBip16 | txscript.ScriptVerifyDERSignatures | txscript.ScriptStrictMultiSig |
	txscript.ScriptVerifyCheckLockTimeVerify | txscript.ScriptVerifyCheckSequenceVerify |
	txscript.ScriptVerifyWitness | txscript.ScriptVerifyTaproot |
	txscript.ScriptVerifyStrictEncoding | txscript.ScriptVerifyMinimalData | txscript.ScriptDiscourageUpgradableNops |
	txscript.ScriptVerifyCleanStack | txscript.ScriptVerifyMinimalIf | txscript.ScriptVerifyNullFail |
	txscript.ScriptVerifyLowS | txscript.ScriptVerifyDiscourageUpgradeableWitnessProgram |
	txscript.ScriptVerifyWitnessPubKeyType | txscript.ScriptVerifyConstScriptCode |
	txscript.ScriptVerifyDiscourageUpgradeableTaprootVersion | txscript.ScriptVerifyDiscourageOpSuccess |
	txscript.ScriptVerifyDiscourageUpgradeablePubkeyType

// notStandard returns why a transaction is not standard, or "".
func (c *Config) notStandard(tx *consensus.Tx) string {
	if version := uint32(tx.Version); version < 1 || version > 3 {
		return "version"
	}
	if tx.Weight() > maxStandardWeight {
		return "tx-size"
	}
	for _, in := range tx.TxIn {
		if len(in.SignatureScript) > maxScriptSig {
			return "scriptsig-size"
		}
		if !txscript.IsPushOnlyScript(in.SignatureScript) {
			return "scriptsig-not-pushonly"
		}
	}
	carried := 0
	for _, out := range tx.TxOut {
		class := output.TypeOf(out.PkScript)
		switch {
		case class == output.NonStandard || class == output.MultiSig && !smallMultisig(out.PkScript):
			return "scriptpubkey"
		case class == output.NullData:
			if carried += len(out.PkScript); carried > c.DataCarrier {
				return "datacarrier"
			}
		case class == output.MultiSig && !c.BareMultisig:
			return "bare-multisig"
		}
	}
	if len(c.dustOutputs(tx)) > maxDustOutputs {
		return "dust"
	}
	return ""
}

func smallMultisig(script []byte) bool {
	keys, needed, err := txscript.CalcMultiSigStats(script)
	return err == nil && keys >= 1 && keys <= 3 && needed >= 1 && needed <= keys
}

// dustThreshold is what an output must be worth to be worth spending.
func (c *Config) dustThreshold(out *wire.TxOut) int64 {
	if output.Unspendable(out.PkScript) {
		return 0
	}
	const input = 32 + 4 + 1 + 4
	signature := 107
	if txscript.IsWitnessProgram(out.PkScript) {
		signature /= consensus.WitnessScale
	}
	return c.Dust.Fee(int64(out.SerializeSize() + input + signature))
}

// HasDust reports whether a transaction has outputs that cost more to spend than they
// are worth.
func (c *Config) HasDust(tx *consensus.Tx) bool { return len(c.dustOutputs(tx)) > 0 }

func (c *Config) dustOutputs(tx *consensus.Tx) []int {
	var dust []int
	for i, out := range tx.TxOut {
		if out.Value < c.dustThreshold(out) {
			dust = append(dust, i)
		}
	}
	return dust
}

// checkInputs verifies that the spent outputs are of known kinds and cheap to
// verify.
func checkInputs(tx *consensus.Tx, spent []coins.Coin) *consensus.Reject {
	reject := func(detail string, args ...any) *consensus.Reject {
		return consensus.Rejectf(consensus.InputsPolicy, "bad-txns-nonstandard-inputs", detail, args...)
	}
	sigOps := 0
	for i, in := range tx.TxIn {
		sigOps += preciseSigOps(in.SignatureScript) + executedSigOps(in.SignatureScript, spent[i].Script)
		if sigOps > maxLegacySigOps {
			return reject("non-witness sigops exceed bip54 limit")
		}
	}
	for i, in := range tx.TxIn {
		switch output.TypeOf(spent[i].Script) {
		case output.NonStandard:
			return reject("input %d script unknown", i)
		case output.WitnessUnknown:
			return reject("input %d witness program is undefined", i)
		case output.ScriptHash:
			redeem := lastPush(in.SignatureScript)
			if redeem == nil {
				return reject("input %d P2SH redeemscript missing", i)
			}
			if n := preciseSigOps(redeem); n > maxP2SHSigOps {
				return reject("p2sh redeemscript sigops exceed limit (input %d: %d > %d)", i, n, maxP2SHSigOps)
			}
		}
	}
	return nil
}

// preciseSigOps counts a script's signature operations, those of a multisig
// by its keys.
func preciseSigOps(script []byte) int {
	return txscript.GetPreciseSigOpCount(nil, script, false)
}

func executedSigOps(scriptSig, script []byte) int {
	if txscript.IsPayToScriptHash(script) {
		return txscript.GetPreciseSigOpCount(scriptSig, script, true)
	}
	return preciseSigOps(script)
}

// lastPush returns what a push-only script leaves on top of the stack; nil if
// it pushes nothing.
func lastPush(script []byte) []byte {
	var last []byte
	tokens := txscript.MakeScriptTokenizer(0, script)
	for tokens.Next() {
		switch op := tokens.Opcode(); {
		case op <= txscript.OP_PUSHDATA4:
			last = append([]byte{}, tokens.Data()...)
		case op == txscript.OP_1NEGATE:
			last = []byte{0x81}
		case op >= txscript.OP_1 && op <= txscript.OP_16:
			last = []byte{op - (txscript.OP_1 - 1)}
		}
	}
	return last
}
