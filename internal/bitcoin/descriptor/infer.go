package descriptor

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/miniscript"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

// Infer describes an output script by what can be seen of it, with a checksum.
// known are scripts that it, or another of them, may pay to by their hash.
func Infer(script []byte, net *chaincfg.Params, known ...[]byte) string {
	text := describe(script, net, known)
	return text + "#" + Checksum(text)
}

func describe(script []byte, net *chaincfg.Params, known [][]byte) string {
	if text := solvable(script, "", known); text != "" {
		return text
	}
	if output.TypeOf(script) == output.WitnessTaproot {
		if key := append([]byte{2}, script[2:]...); validKey(key) {
			return "rawtr(" + hex.EncodeToString(script[2:]) + ")"
		}
	}
	if address := address.Of(script, net); address != "" {
		return "addr(" + address + ")"
	}
	return "raw(" + hex.EncodeToString(script) + ")"
}

// solvable describes a script within another of the given name by how it is spent;
// "" if that is not known.
func solvable(script []byte, within string, known [][]byte) string {
	switch kind := output.TypeOf(script); {
	case kind == output.PubKey:
		if key := script[1 : len(script)-1]; usable(key, within) {
			return "pk(" + hex.EncodeToString(key) + ")"
		}
	case kind == output.MultiSig:
		return describeMultisig(script, within)
	case kind == output.ScriptHash && within == "":
		return wrapped("sh", script, output.PayToScriptHash, known)
	case kind == output.WitnessScriptHash && within != "wsh":
		return wrapped("wsh", script, output.PayToWitnessScriptHash, known)
	}
	if within == "wsh" {
		return miniscript.FromScript(script)
	}
	return ""
}

// wrapped describes the script that one pays to by its hash, if that is known.
func wrapped(name string, script []byte, pay func([]byte) []byte, known [][]byte) string {
	i := slices.IndexFunc(known, func(inner []byte) bool { return slices.Equal(pay(inner), script) })
	if i < 0 {
		return ""
	}
	inner := solvable(known[i], name, known)
	if inner == "" {
		return ""
	}
	return name + "(" + inner + ")"
}

func validKey(key []byte) bool {
	_, err := btcec.ParsePubKey(key)
	return err == nil
}

// usable reports whether a descriptor may have a public key: none that is hybrid, and
// in a witness none that is uncompressed (BIP143). As in Bitcoin Core it need not be
// on the curve.
func usable(key []byte, within string) bool {
	if len(key) > btcec.PubKeyBytesLenCompressed {
		return key[0] == uncompressed && within != "wsh"
	}
	return true
}

func describeMultisig(script []byte, within string) string {
	needed, keys, _ := output.Multisig(script)
	text := fmt.Sprintf("multi(%d", needed)
	for _, key := range keys {
		if !usable(key, within) {
			return ""
		}
		text += "," + hex.EncodeToString(key)
	}
	return text + ")"
}
