package output

import "github.com/btcsuite/btcd/txscript/v2"

// Limits of an opcode within a script that can be executed (Bitcoin Core,
// CScript::HasValidOps).
const (
	maxOpcode  = txscript.OP_NOP10
	maxElement = txscript.MaxScriptElementSize
)

// ValidOps reports whether a script parses and has nothing but opcodes that were
// known before taproot, and pushes of at most 520 bytes.
func ValidOps(script []byte) bool {
	tokens := txscript.MakeScriptTokenizer(0, script)
	for tokens.Next() {
		if tokens.Opcode() > maxOpcode || len(tokens.Data()) > maxElement {
			return false
		}
	}
	return tokens.Err() == nil
}

// Wrappable reports whether it makes sense to pay to the hash of a script (P2SH):
// it is of no type that is an end by itself, and of none that succeeds or means
// something else in tapscript.
func Wrappable(script []byte) bool {
	switch TypeOf(script) {
	case NullData, ScriptHash, WitnessUnknown, WitnessTaproot, Anchor:
		return false
	}
	if !ValidOps(script) || Unspendable(script) {
		return false
	}
	tokens := txscript.MakeScriptTokenizer(0, script)
	for tokens.Next() {
		if succeeds(tokens.Opcode()) {
			return false
		}
	}
	return true
}

// WitnessWrappable reports whether a script that is Wrappable may be that of a
// witness program (P2WSH): no public key in it is uncompressed, and it is none itself.
func WitnessWrappable(script []byte) bool {
	const compressed = 33
	switch TypeOf(script) {
	case PubKey:
		return len(script) == 1+compressed+1
	case MultiSig:
		_, keys, _ := Multisig(script)
		for _, key := range keys {
			if len(key) != compressed {
				return false
			}
		}
		return true
	case NonStandard, PubKeyHash:
		return true
	}
	return false
}

// succeeds reports whether an opcode makes a tapscript valid by itself (BIP342,
// OP_SUCCESSx), of those that ValidOps lets pass.
func succeeds(op byte) bool {
	switch {
	case op == 80, op == 98, op >= 126 && op <= 129, op >= 131 && op <= 134:
		return true
	case op == 137, op == 138, op == 141, op == 142, op >= 149 && op <= 153:
		return true
	}
	return false
}
