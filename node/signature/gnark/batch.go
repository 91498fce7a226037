package gnark

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// SchnorrBatch verifies signatures together (BIP340, batch verification). The
// zero value is empty.
type SchnorrBatch struct {
	items []schnorrItem
	keys  []byte // what the factors are derived from
	bad   bool   // one of them cannot be valid
}

// schnorrItem is s*G = R + e*P of one signature.
type schnorrItem struct {
	r, p secp256k1.G1Affine
	s, e fr.Element
}

// Len returns how many signatures were added.
func (b *SchnorrBatch) Len() int { return len(b.items) }

// Add adds a signature. key and hash are 32 bytes long, sig 64; others are not
// valid.
func (b *SchnorrBatch) Add(key, sig, digest []byte) {
	if len(key) != xOnlyKey || len(sig) != schnorr || len(digest) != hash {
		b.bad = true
		return
	}
	var item schnorrItem
	if !liftX(&item.p, key) || !liftX(&item.r, sig[:32]) || item.s.SetBytesCanonical(sig[32:]) != nil {
		b.bad = true
	}
	item.e = challenge(key, sig, digest)
	b.items = append(b.items, item)
	b.keys = append(append(append(b.keys, key...), sig...), digest...)
}

// Verify reports whether all signatures are valid, and empties the batch. That
// an invalid one passes has a chance of 1 in 2^128.
func (b *SchnorrBatch) Verify() bool {
	defer b.reset()
	if b.bad || len(b.items) == 0 {
		return !b.bad
	}
	// sum(a*R) + sum(a*e*P) - sum(a*s) * G must be nothing. The factors a are
	// not known to the signer before the signatures are made.
	seed := sha256.Sum256(b.keys)
	points := make([]secp256k1.G1Affine, 0, 1+2*len(b.items))
	factors := make([]fr.Element, 1, 1+2*len(b.items))
	_, base := secp256k1.Generators()
	points = append(points, base)
	for i := range b.items {
		item := &b.items[i]
		a := factor(&seed, i)
		var as, ae fr.Element
		as.Mul(&a, &item.s)
		ae.Mul(&a, &item.e)
		factors[0].Sub(&factors[0], &as)
		points = append(points, item.r, item.p)
		factors = append(factors, a, ae)
	}
	var sum secp256k1.G1Jac
	_, err := sum.MultiExp(points, factors, ecc.MultiExpConfig{NbTasks: 1})
	return err == nil && sum.Z.IsZero()
}

func (b *SchnorrBatch) reset() {
	b.items, b.keys, b.bad = b.items[:0], b.keys[:0], false
}

// factor returns the i-th factor of 128 bits; the first is one.
func factor(seed *[32]byte, i int) (a fr.Element) {
	if i == 0 {
		a.SetOne()
		return a
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(seed[:], uint64(i)))
	a.SetBytes(sum[:16])
	return a
}
