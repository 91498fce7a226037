package consensus

import (
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
)

func legacySigOps(tx *Tx) int {
	n := 0
	for _, in := range tx.TxIn {
		n += txscript.GetSigOpCount(in.SignatureScript)
	}
	for _, out := range tx.TxOut {
		n += txscript.GetSigOpCount(out.PkScript)
	}
	return n
}

// SigOpsCost counts signature operations as BIP141 weighs them, given the
// coins that the inputs spend.
func SigOpsCost(tx *Tx, spent []coins.Coin, flags txscript.ScriptFlags) int {
	cost := legacySigOps(tx) * WitnessScale
	if tx.IsCoinbase() {
		return cost
	}
	for i, in := range tx.TxIn {
		script := spent[i].Script
		if flags&txscript.ScriptBip16 != 0 && txscript.IsPayToScriptHash(script) {
			cost += txscript.GetPreciseSigOpCount(in.SignatureScript, script, true) * WitnessScale
		}
		if flags&txscript.ScriptVerifyWitness != 0 {
			cost += txscript.GetWitnessSigOpCount(in.SignatureScript, script, in.Witness)
		}
	}
	return cost
}
