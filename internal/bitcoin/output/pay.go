package output

import (
	"crypto/sha256"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// PayToKey returns the script that pays to a public key itself.
func PayToKey(key []byte) []byte {
	return append(append([]byte{byte(len(key))}, key...), txscript.OP_CHECKSIG)
}

// PayToKeyHash returns the P2PKH script for the HASH160 of a public key.
func PayToKeyHash(hash []byte) []byte {
	script := append([]byte{txscript.OP_DUP, txscript.OP_HASH160, 20}, hash...)
	return append(script, txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG)
}

// PayToWitnessKeyHash returns the P2WPKH script for the HASH160 of a public key (BIP141).
func PayToWitnessKeyHash(hash []byte) []byte {
	return append([]byte{txscript.OP_0, 20}, hash...)
}

// PayToScriptHash returns the P2SH script for a redeem script (BIP16).
func PayToScriptHash(script []byte) []byte {
	return append(append([]byte{txscript.OP_HASH160, 20}, address.Hash160(script)...), txscript.OP_EQUAL)
}

// PayToWitnessScriptHash returns the P2WSH script for a witness script (BIP141).
func PayToWitnessScriptHash(script []byte) []byte {
	hash := sha256.Sum256(script)
	return append([]byte{txscript.OP_0, 32}, hash[:]...)
}

// PayToTaproot returns the P2TR script for an output key of 32 bytes (BIP341).
func PayToTaproot(key []byte) []byte { return append([]byte{txscript.OP_1, 32}, key...) }
