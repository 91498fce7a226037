package gnark

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// VerifySchnorr verifies a signature (BIP340, verification). key and hash are 32
// bytes long, sig 64.
func VerifySchnorr(key, sig, hash []byte) bool {
	var public, nonce secp256k1.G1Affine
	var s fr.Element
	if nonce.X.SetBytesCanonical(sig[:32]) != nil || s.SetBytesCanonical(sig[32:]) != nil || !liftX(&public, key) {
		return false
	}
	e := challenge(key, sig, hash)
	e.Neg(&e)
	sum := multiples(&s, &public, &e)
	if sum.Z.IsZero() {
		return false
	}
	var found secp256k1.G1Affine
	found.FromJacobian(&sum)
	return found.X.Equal(&nonce.X) && !isOdd(&found.Y)
}

func challenge(key, sig, hash []byte) (e fr.Element) {
	digest := chainhash.TaggedHash(chainhash.TagBIP0340Challenge, sig[:32], key, hash)
	e.SetBytes(digest[:])
	return e
}
