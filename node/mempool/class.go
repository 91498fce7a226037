package mempool

import "github.com/btcsuite/btcd/txscript/v2"

// Class is the kind of an output script, as Bitcoin Core names it.
type Class string

// The kinds.
const (
	NonStandard       Class = "nonstandard"
	PubKey            Class = "pubkey"
	PubKeyHash        Class = "pubkeyhash"
	ScriptHash        Class = "scripthash"
	MultiSig          Class = "multisig"
	NullData          Class = "nulldata"
	Anchor            Class = "anchor"
	WitnessKeyHash    Class = "witness_v0_keyhash"
	WitnessScriptHash Class = "witness_v0_scripthash"
	WitnessTaproot    Class = "witness_v1_taproot"
	WitnessUnknown    Class = "witness_unknown"
)

// Classify returns a script's kind.
func Classify(script []byte) Class {
	if txscript.IsPayToScriptHash(script) {
		return ScriptHash
	}
	if version, program, err := txscript.ExtractWitnessProgramInfo(script); err == nil {
		return classifyWitness(script, version, program)
	}
	switch {
	case isNullData(script):
		return NullData
	case txscript.IsPayToPubKey(script):
		return PubKey
	case txscript.IsPayToPubKeyHash(script):
		return PubKeyHash
	}
	if multisig, err := txscript.IsMultisigScript(script); err == nil && multisig {
		return MultiSig
	}
	return NonStandard
}

func classifyWitness(script []byte, version int, program []byte) Class {
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
