package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

func payToScriptHash(script []byte) []byte {
	return append(append([]byte{txscript.OP_HASH160, 20}, address.Hash160(script)...), txscript.OP_EQUAL)
}

func payToWitnessScriptHash(script []byte) []byte {
	hash := sha256.Sum256(script)
	return append([]byte{txscript.OP_0, 32}, hash[:]...)
}

// scriptOfKey returns the script of a descriptor with one public key in hex.
func scriptOfKey(name, text string) ([]byte, error) {
	key, err := hex.DecodeString(text)
	switch name {
	case "pk", "pkh", "wpkh", "rawtr":
	default:
		return nil, fmt.Errorf("'%s(%s)' is not a valid descriptor function", name, text)
	}
	check := key
	if name == "rawtr" && len(key) == 32 {
		check = append([]byte{2}, key...)
	}
	if err != nil || !validKey(check) {
		return nil, fmt.Errorf("%s(): Pubkey '%s' is invalid", name, text)
	}
	switch name {
	case "pk":
		return append(append([]byte{byte(len(key))}, key...), txscript.OP_CHECKSIG), nil
	case "pkh":
		script := append([]byte{txscript.OP_DUP, txscript.OP_HASH160, 20}, address.Hash160(key)...)
		return append(script, txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG), nil
	case "wpkh":
		if len(key) != 33 {
			return nil, fmt.Errorf("wpkh(): Uncompressed keys are not allowed")
		}
		return append([]byte{txscript.OP_0, 20}, address.Hash160(key)...), nil
	}
	return append([]byte{txscript.OP_1, 32}, check[1:]...), nil
}
