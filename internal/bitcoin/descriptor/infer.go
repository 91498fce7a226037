package descriptor

import (
	"encoding/hex"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
)

// Infer describes an output script by what can be seen of it, with a checksum.
func Infer(script []byte, net *chaincfg.Params) string {
	text := describe(script, net)
	return text + "#" + Checksum(text)
}

func describe(script []byte, net *chaincfg.Params) string {
	if txscript.IsPayToPubKey(script) {
		if key := script[1 : len(script)-1]; validKey(key) {
			return "pk(" + hex.EncodeToString(key) + ")"
		}
	}
	if multisig, err := txscript.IsMultisigScript(script); err == nil && multisig {
		if text := describeMultisig(script); text != "" {
			return text
		}
	}
	if txscript.IsPayToTaproot(script) {
		if key := append([]byte{2}, script[2:]...); validKey(key) {
			return "rawtr(" + hex.EncodeToString(script[2:]) + ")"
		}
	}
	if address := address.Of(script, net); address != "" {
		return "addr(" + address + ")"
	}
	return "raw(" + hex.EncodeToString(script) + ")"
}

func validKey(key []byte) bool {
	_, err := btcec.ParsePubKey(key)
	return err == nil
}

func describeMultisig(script []byte) string {
	_, needed, err := txscript.CalcMultiSigStats(script)
	if err != nil {
		return ""
	}
	keys, err := txscript.PushedData(script)
	if err != nil {
		return ""
	}
	text := fmt.Sprintf("multi(%d", needed)
	for _, key := range keys {
		if !validKey(key) {
			return ""
		}
		text += "," + hex.EncodeToString(key)
	}
	return text + ")"
}
