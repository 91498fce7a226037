//go:build !(libsecp256k1 && cgo)

package signature

import (
	"bytes"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// VerifyTweak reports whether output is the key internal plus tweak times the
// generator (BIP341), whose y is odd as told. Both keys are XOnlyKey, the tweak
// is Hash bytes long.
func VerifyTweak(output, internal, tweak []byte, odd bool) bool {
	if len(output) != XOnlyKey || len(internal) != XOnlyKey || len(tweak) != Hash {
		return false
	}
	return quickTweak(output, internal, tweak, odd) || slowTweak(output, internal, tweak, odd)
}

func quickTweak(output, internal, tweak []byte, odd bool) bool {
	var t fr.Element
	var p, found secp256k1.G1Affine
	var sum secp256k1.G1Jac
	if t.SetBytesCanonical(tweak) != nil || !liftX(&p, internal) {
		return false
	}
	sum.FromAffine(&p)
	addBaseMultiple(&sum, &t)
	if sum.Z.IsZero() {
		return false
	}
	found.FromJacobian(&sum)
	x := found.X.Bytes()
	return bytes.Equal(x[:], output) && isOdd(&found.Y) == odd
}

func slowTweak(output, internal, tweak []byte, odd bool) bool {
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
