package gnark

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// Lengths of encodings in bytes.
const (
	uncompressedKey = 65
	xOnlyKey        = 32
	schnorr         = 64
	hash            = 32
)

// VerifyECDSA verifies a signature (SEC 1, section 4.1.4) whose s is in the lower
// half. key is compressed or uncompressed and der in the encoding of BIP66, as
// their first bytes and lengths say: the caller has checked that.
func VerifyECDSA(key, der, hash []byte) bool {
	var r, s, z fr.Element
	rBytes := der[4 : 4+der[3]]
	sBytes := der[4+der[3]+2:]
	if !scalar(&r, rBytes) || !scalar(&s, sBytes) || r.IsZero() || s.IsZero() || s.LexicographicallyLargest() {
		return false
	}
	var public secp256k1.G1Affine
	if !publicKey(&public, key) {
		return false
	}
	z.SetBytes(hash)
	s.Inverse(&s)
	z.Mul(&z, &s)
	s.Mul(&s, &r)
	sum := multiples(&z, &public, &s)
	return !sum.Z.IsZero() && hasX(&sum, r.Bytes())
}

// scalar reads a positive integer of DER. It fails if that is not below the
// group's order.
func scalar(e *fr.Element, integer []byte) bool {
	if len(integer) > 1 && integer[0] == 0 {
		integer = integer[1:]
	}
	var padded [fr.Bytes]byte
	if len(integer) > len(padded) {
		return false
	}
	copy(padded[len(padded)-len(integer):], integer)
	return e.SetBytesCanonical(padded[:]) == nil
}

// publicKey reads a key of SEC 1, whose first byte fits its length.
func publicKey(p *secp256k1.G1Affine, key []byte) bool {
	if len(key) == uncompressedKey {
		// Zeros stand for infinity, which the library takes for a point of the
		// curve: anybody could sign for it.
		return p.X.SetBytesCanonical(key[1:33]) == nil && p.Y.SetBytesCanonical(key[33:]) == nil && !p.IsInfinity() && p.IsOnCurve()
	}
	if !liftX(p, key[1:]) {
		return false
	}
	if key[0] == 3 {
		p.Y.Neg(&p.Y)
	}
	return true
}

// hasX reports whether the x of a point that is not infinity is r modulo the
// group's order.
func hasX(p *secp256k1.G1Jac, r [fr.Bytes]byte) bool {
	var x, zz fp.Element
	zz.Square(&p.Z)
	x.SetBytes(r[:])
	if x.Mul(&x, &zz).Equal(&p.X) {
		return true
	}
	// The field is larger than the group: x may be r plus the order.
	wrapped := new(big.Int).SetBytes(r[:])
	if wrapped.Add(wrapped, fr.Modulus()).Cmp(fp.Modulus()) >= 0 {
		return false
	}
	x.SetBigInt(wrapped)
	return x.Mul(&x, &zz).Equal(&p.X)
}
