package output

import "github.com/btcsuite/btcd/txscript/v2"

// Type is the kind of an output script, as Bitcoin Core names it (TxoutType,
// script/solver.cpp).
type Type string

// The types.
const (
	NonStandard       Type = "nonstandard"
	PubKey            Type = "pubkey"
	PubKeyHash        Type = "pubkeyhash"
	ScriptHash        Type = "scripthash"
	MultiSig          Type = "multisig"
	NullData          Type = "nulldata"
	Anchor            Type = "anchor"
	WitnessKeyHash    Type = "witness_v0_keyhash"
	WitnessScriptHash Type = "witness_v0_scripthash"
	WitnessTaproot    Type = "witness_v1_taproot"
	WitnessUnknown    Type = "witness_unknown"
)

// TypeOf returns a script's type.
func TypeOf(script []byte) Type {
	if txscript.IsPayToScriptHash(script) {
		return ScriptHash
	}
	if version, program, err := txscript.ExtractWitnessProgramInfo(script); err == nil {
		return witnessType(script, version, program)
	}
	switch {
	case isNullData(script):
		return NullData
	case txscript.IsPayToPubKey(script):
		return PubKey
	case txscript.IsPayToPubKeyHash(script):
		return PubKeyHash
	}
	if _, _, multisig := Multisig(script); multisig {
		return MultiSig
	}
	return NonStandard
}

func witnessType(script []byte, version int, program []byte) Type {
	switch {
	case version == 0 && len(program) == 20:
		return WitnessKeyHash
	case version == 0 && len(program) == 32:
		return WitnessScriptHash
	case version == 1 && len(program) == 32:
		return WitnessTaproot
	case txscript.IsPayToAnchorScript(script):
		return Anchor
	case version == 0:
		return NonStandard
	}
	return WitnessUnknown
}

// isNullData: OP_RETURN and then pushes only, of any size.
func isNullData(script []byte) bool {
	return len(script) > 0 && script[0] == txscript.OP_RETURN && txscript.IsPushOnlyScript(script[1:])
}
