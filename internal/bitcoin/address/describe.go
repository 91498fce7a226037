package address

import (
	"encoding/hex"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// Description is what validateaddress and getaddressinfo tell of an address
// (Bitcoin Core, rpc/util.cpp, DescribeAddress).
type Description struct {
	Address string `json:"address"`
	Script  string `json:"scriptPubKey"` // hex
	// IsScript: the address commits to a script, or as P2TR may do so. Unset
	// for witness programs of which that is not known.
	IsScript       *bool  `json:"isscript,omitempty"`
	IsWitness      bool   `json:"iswitness"`
	WitnessVersion *int   `json:"witness_version,omitempty"`
	WitnessProgram string `json:"witness_program,omitempty"` // hex
}

// Describe describes an output script that has an address on a chain.
func Describe(script []byte, net *chaincfg.Params) Description {
	d := Description{Address: Of(script, net), Script: hex.EncodeToString(script)}
	isScript := txscript.IsPayToScriptHash(script)
	if version, program, err := txscript.ExtractWitnessProgramInfo(script); err == nil {
		d.IsWitness, d.WitnessVersion, d.WitnessProgram = true, &version, hex.EncodeToString(program)
		switch {
		case version == 0, version == 1 && len(program) == 32:
			isScript = len(program) == 32
		case isAnchor(version, program):
			isScript = true
		default:
			return d
		}
	}
	d.IsScript = &isScript
	return d
}

// isAnchor reports whether a witness program is the one that anyone can spend
// to raise a transaction's fee (P2A).
func isAnchor(version int, program []byte) bool {
	return version == 1 && len(program) == 2 && program[0] == 0x4e && program[1] == 0x73
}
