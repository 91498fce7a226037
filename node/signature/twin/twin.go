package twin

import (
	"bytes"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
)

// VerifyECDSA verifies a signature whose s is in the lower half. Of der and key it
// takes what btcec takes: the caller has checked their encodings.
func VerifyECDSA(key, der, hash []byte) bool {
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

// VerifySchnorr verifies a signature (BIP340).
func VerifySchnorr(key, sig, hash []byte) bool {
	parsed, err := schnorr.ParseSignature(sig)
	if err != nil {
		return false
	}
	public, err := schnorr.ParsePubKey(key)
	return err == nil && parsed.Verify(hash, public)
}

// VerifyTweak reports whether output is the key internal plus tweak times the
// generator (BIP341), whose y is odd as told. All are 32 bytes long.
func VerifyTweak(output, internal, tweak []byte, odd bool) bool {
	key, err := schnorr.ParsePubKey(internal)
	var t btcec.ModNScalar
	if err != nil || t.SetByteSlice(tweak) {
		return false
	}
	var p, sum btcec.JacobianPoint
	key.AsJacobian(&p)
	btcec.ScalarBaseMultNonConst(&t, &sum)
	btcec.AddNonConst(&p, &sum, &sum)
	if sum.Z.IsZero() {
		return false
	}
	sum.ToAffine()
	x := sum.X.Bytes()
	return bytes.Equal(x[:], output) && sum.Y.IsOdd() == odd
}
