//go:build !(libsecp256k1 && cgo)

package signature

import (
	"math/big"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// Library is what verifies signatures.
const Library = "gnark-crypto, and btcec before one is refused"

// VerifyECDSA reports whether der, in the encoding of BIP66 and with s in the
// lower half (BIP146), is key's signature of hash. key is compressed or
// uncompressed (SEC 1, section 2.3.3).
func VerifyECDSA(key, der, hash []byte) bool {
	if !validECDSA(key, der, hash) {
		return false
	}
	return quickECDSA(key, der, hash) || slowECDSA(key, der, hash)
}

// AsksTwo tells that VerifyECDSA asks two libraries before it refuses.
const AsksTwo = true

// QuickECDSA is VerifyECDSA by one library alone. It is for those who try many
// keys of which one is to fit, and ask VerifyECDSA if none does.
func QuickECDSA(key, der, hash []byte) bool {
	return validECDSA(key, der, hash) && quickECDSA(key, der, hash)
}

// VerifySchnorr reports whether sig is key's signature of hash (BIP340).
func VerifySchnorr(key, sig, hash []byte) bool {
	if len(key) != XOnlyKey || len(sig) != Schnorr || len(hash) != Hash {
		return false
	}
	return quickSchnorr(key, sig, hash) || slowSchnorr(key, sig, hash)
}

// quickECDSA verifies a signature that is validECDSA (SEC 1, section 4.1.4).
func quickECDSA(key, der, hash []byte) bool {
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

// quickSchnorr verifies a signature of the right lengths (BIP340,
// verification).
func quickSchnorr(key, sig, hash []byte) bool {
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
	if len(key) == UncompressedKey {
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

// curveB is the constant of y*y = x*x*x + 7.
var curveB = fp.NewElement(7)

// liftX finds the point with an even y (BIP340, lift_x).
func liftX(p *secp256k1.G1Affine, x []byte) bool {
	if p.X.SetBytesCanonical(x) != nil {
		return false
	}
	var square fp.Element
	square.Square(&p.X).Mul(&square, &p.X).Add(&square, &curveB)
	if p.Y.Sqrt(&square) == nil {
		return false
	}
	if isOdd(&p.Y) {
		p.Y.Neg(&p.Y)
	}
	return true
}

func isOdd(e *fp.Element) bool { return e.Bits()[0]&1 == 1 }

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

// multiples returns g*G + q*p.
func multiples(g *fr.Element, p *secp256k1.G1Affine, q *fr.Element) (sum secp256k1.G1Jac) {
	var factor big.Int
	sum.FromAffine(p)
	sum.ScalarMultiplication(&sum, q.BigInt(&factor))
	addBaseMultiple(&sum, g)
	return sum
}

// addBaseMultiple adds g*G to sum.
func addBaseMultiple(sum *secp256k1.G1Jac, g *fr.Element) {
	table := baseMultiples()
	for i, digit := range g.Bytes() {
		if digit > 0 {
			sum.AddMixed(&table[i*255+int(digit)-1])
		}
	}
}

// baseMultiples returns the multiples of the generator G by 1 to 255 times the
// powers of 256, the highest power first: half a megabyte.
var baseMultiples = sync.OnceValue(func() []secp256k1.G1Affine {
	const digits = fr.Bytes
	table := make([]secp256k1.G1Jac, digits*255)
	power, _ := secp256k1.Generators()
	for i := digits - 1; i >= 0; i-- {
		row := table[i*255 : (i+1)*255]
		row[0] = power
		for j := 1; j < len(row); j++ {
			row[j].Set(&row[j-1]).AddAssign(&power)
		}
		power.AddAssign(&row[len(row)-1])
	}
	return secp256k1.BatchJacobianToAffineG1(table)
})
