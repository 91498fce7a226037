//go:build !(libsecp256k1 && cgo)

package signature

import (
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
)

// slowECDSA verifies a signature that is validECDSA.
func slowECDSA(key, der, hash []byte) bool {
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

// slowSchnorr verifies a signature of the right lengths.
func slowSchnorr(key, sig, hash []byte) bool {
	parsed, err := schnorr.ParseSignature(sig)
	if err != nil {
		return false
	}
	public, err := schnorr.ParsePubKey(key)
	return err == nil && parsed.Verify(hash, public)
}
