package output

import "github.com/btcsuite/btcd/txscript/v2"

// Unspendable reports whether no input can ever spend an output with this
// script: it begins with OP_RETURN, or is too long to be executed. Such an
// output never enters the UTXO set.
func Unspendable(script []byte) bool {
	return len(script) > 0 && script[0] == txscript.OP_RETURN || len(script) > txscript.MaxScriptSize
}
