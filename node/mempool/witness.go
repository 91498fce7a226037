package mempool

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Bounds of standard witnesses.
const (
	maxP2WSHScript    = 3600
	maxP2WSHItems     = 100
	maxP2WSHItem      = 80
	maxTapscriptItem  = 80
	tapscriptLeaf     = 0xc0
	tapscriptLeafMask = 0xfe
	annexTag          = 0x50
)

// standardWitness reports whether witnesses are there only where they are
// needed, and no larger than usual.
func standardWitness(tx *consensus.Tx, spent []coins.Coin) bool {
	for i, in := range tx.TxIn {
		if len(in.Witness) > 0 && !standardInputWitness(in, spent[i].Script) {
			return false
		}
	}
	return true
}

// spendsWitnessProgram reports whether an input needs a witness: all witness programs do
// but the anchor, which has none, be they hidden by a hash or not (Bitcoin Core's
// SpendsNonAnchorWitnessProg).
func spendsWitnessProgram(tx *consensus.Tx, spent []coins.Coin) bool {
	for i, in := range tx.TxIn {
		script := spent[i].Script
		if txscript.IsPayToAnchorScript(script) {
			continue
		}
		if txscript.IsPayToScriptHash(script) {
			script = lastPush(in.SignatureScript)
		}
		if txscript.IsWitnessProgram(script) {
			return true
		}
	}
	return false
}

func standardInputWitness(in *wire.TxIn, script []byte) bool {
	if txscript.IsPayToAnchorScript(script) {
		return false
	}
	nested := txscript.IsPayToScriptHash(script)
	if nested {
		script = lastPush(in.SignatureScript)
	}
	version, program, err := txscript.ExtractWitnessProgramInfo(script)
	if err != nil {
		return false
	}
	switch {
	case version == 0 && len(program) == 32:
		return standardScriptHashWitness(in.Witness)
	case version == 1 && len(program) == 32 && !nested:
		return standardTaprootWitness(in.Witness)
	}
	return true
}

func standardScriptHashWitness(stack wire.TxWitness) bool {
	items := stack[:len(stack)-1]
	if len(stack[len(stack)-1]) > maxP2WSHScript || len(items) > maxP2WSHItems {
		return false
	}
	return allWithin(items, maxP2WSHItem)
}

func standardTaprootWitness(stack wire.TxWitness) bool {
	if len(stack) < 2 {
		return true // key path
	}
	last := stack[len(stack)-1]
	if len(last) == 0 || last[0] == annexTag {
		return false
	}
	if last[0]&tapscriptLeafMask != tapscriptLeaf {
		return true
	}
	return allWithin(stack[:len(stack)-2], maxTapscriptItem)
}

func allWithin(items wire.TxWitness, limit int) bool {
	for _, item := range items {
		if len(item) > limit {
			return false
		}
	}
	return true
}
