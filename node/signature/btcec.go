//go:build !(libsecp256k1 && cgo)

package signature

import (
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
)

// Library is what verifies signatures.
const Library = "btcec"

// VerifyECDSA reports whether der, in the encoding of BIP66 and with s in the
// lower half (BIP146), is key's signature of hash. key is compressed or
// uncompressed (SEC 1, section 2.3.3).
func VerifyECDSA(key, der, hash []byte) bool {
	if !validECDSA(key, der, hash) {
		return false
	}
	sig, err := ecdsa.ParseDERSignature(der)
	if err != nil {
		return false
	}
	if s := sig.S(); s.IsOverHalfOrder() {
		return false
	}
	public, err := btcec.ParsePubKey(key)
	return err == nil && sig.Verify(hash, public)
}

// VerifySchnorr reports whether sig is key's signature of hash (BIP340).
func VerifySchnorr(key, sig, hash []byte) bool {
	if len(key) != XOnlyKey || len(sig) != Schnorr || len(hash) != Hash {
		return false
	}
	parsed, err := schnorr.ParseSignature(sig)
	if err != nil {
		return false
	}
	public, err := schnorr.ParsePubKey(key)
	return err == nil && parsed.Verify(hash, public)
}
