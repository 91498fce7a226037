package message

import (
	"bytes"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// magic keeps a signed text from being a transaction's signature hash.
const magic = "Bitcoin Signed Message:\n"

// SignatureBytes is the length of a signature.
const SignatureBytes = 65

// Of the first byte of a signature, less headerBase, the lowest two bits choose
// the public key and the third tells that it is compressed.
const (
	headerBase = 27
	headerMask = 7
	compressed = 4
)

// Hash returns what is signed for a text.
func Hash(text string) chainhash.Hash {
	var b bytes.Buffer
	// A bytes.Buffer does not fail.
	_ = wire.WriteVarString(&b, 0, magic)
	_ = wire.WriteVarString(&b, 0, text)
	return chainhash.DoubleHashH(b.Bytes())
}

// Sign signs a text. short tells that the address is of the compressed public key.
// The nonce is that of RFC 6979, so the signature of a text is always the same.
func Sign(key *btcec.PrivateKey, short bool, text string) []byte {
	hash := Hash(text)
	return ecdsa.SignCompact(key, hash[:], short)
}

// Verify reports whether a signature of a text was made with the key of a P2PKH
// address, of which keyHash is the HASH160.
func Verify(keyHash, signature []byte, text string) bool {
	if len(signature) != SignatureBytes {
		return false
	}
	// Other bits of the header have never meant anything.
	header := (signature[0] - headerBase) & headerMask
	usual := append([]byte{headerBase + header}, signature[1:]...)
	hash := Hash(text)
	key, _, err := ecdsa.RecoverCompact(usual, hash[:])
	if err != nil {
		return false
	}
	public := key.SerializeUncompressed()
	if header&compressed != 0 {
		public = key.SerializeCompressed()
	}
	return bytes.Equal(address.Hash160(public), keyHash)
}
