package gnark

import (
	"bytes"

	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// VerifyTweak reports whether output is the key internal plus tweak times the
// generator (BIP341), whose y is odd as told. All are 32 bytes long.
func VerifyTweak(output, internal, tweak []byte, odd bool) bool {
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
