//go:build !(libsecp256k1 && cgo)

package signature

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
)

// BatchesSchnorr tells that a SchnorrBatch takes less time than its
// signatures one by one.
const BatchesSchnorr = true

// SchnorrBatch verifies signatures together (BIP340, batch verification): that
// costs about a third of verifying each. The zero value is empty.
type SchnorrBatch struct {
	items []schnorrItem
	keys  []byte // what the factors are derived from
	bad   bool   // one of them cannot be valid
}

// schnorrItem is s*G = R + e*P of one signature.
type schnorrItem struct {
	r, p btcec.JacobianPoint
	s, e btcec.ModNScalar
}

// Len returns how many signatures were added.
func (b *SchnorrBatch) Len() int { return len(b.items) }

// Add adds a signature. key is XOnlyKey, sig Schnorr, hash Hash bytes long.
func (b *SchnorrBatch) Add(key, sig, hash []byte) {
	if len(key) != XOnlyKey || len(sig) != Schnorr || len(hash) != Hash {
		b.bad = true
		return
	}
	b.items = append(b.items, schnorrItem{})
	item := &b.items[len(b.items)-1]
	if !liftX(key, &item.p) || !liftX(sig[:32], &item.r) || item.s.SetByteSlice(sig[32:]) {
		b.bad = true
		return
	}
	challenge := chainhash.TaggedHash(chainhash.TagBIP0340Challenge, sig[:32], key, hash)
	item.e.SetByteSlice(challenge[:])
	b.keys = append(append(append(b.keys, key...), sig...), hash...)
}

// liftX finds the point with an even y (BIP340, lift_x).
func liftX(x []byte, p *btcec.JacobianPoint) bool {
	if p.X.SetByteSlice(x) || !btcec.DecompressY(&p.X, false, &p.Y) {
		return false
	}
	p.Y.Normalize()
	p.Z.SetInt(1)
	return true
}

// Verify reports whether all signatures are valid, and empties the batch. That
// an invalid one passes has a chance of 1 in 2^128.
func (b *SchnorrBatch) Verify() bool {
	defer b.reset()
	if b.bad || len(b.items) == 0 {
		return !b.bad
	}
	// sum(a*s) * G - sum(a*R) - sum(a*e*P) must be nothing. The factors a are
	// not known to whoever makes the signatures before they are made.
	seed := sha256.Sum256(b.keys)
	var sum btcec.ModNScalar
	terms := make([]term, 0, 2*len(b.items))
	for i := range b.items {
		item := &b.items[i]
		a := factor(&seed, i)
		sum.Add(new(btcec.ModNScalar).Mul2(&a, &item.s))
		terms = append(terms, newTerm(&item.r, &a), newTerm(&item.p, new(btcec.ModNScalar).Mul2(&a, &item.e)))
	}
	var left, right btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&sum, &left)
	multiply(terms, &right)
	left.ToAffine()
	right.ToAffine()
	return left.X.Equals(&right.X) && left.Y.Equals(&right.Y)
}

func (b *SchnorrBatch) reset() {
	b.items, b.keys, b.bad = b.items[:0], b.keys[:0], false
}

// factor returns the i-th factor of 128 bits; the first is one.
func factor(seed *[32]byte, i int) (a btcec.ModNScalar) {
	if i == 0 {
		a.SetInt(1)
		return a
	}
	hash := sha256.Sum256(binary.BigEndian.AppendUint64(seed[:], uint64(i)))
	a.SetByteSlice(hash[:16])
	return a
}

// Width of the digits that scalars are taken apart into, and how many there
// are: one more than the bits need, for the last carry.
const (
	digitBits = 6
	digits    = 256/digitBits + 2
	half      = 1 << (digitBits - 1)
)

// term is a multiple of a point: digits are of base 2^digitBits, from -half+1
// to half, least significant first.
type term struct {
	point  *btcec.JacobianPoint
	minusY btcec.FieldVal
	digits [digits]int8
}

func newTerm(point *btcec.JacobianPoint, scalar *btcec.ModNScalar) term {
	t := term{point: point}
	t.minusY.NegateVal(&point.Y, 1).Normalize()
	raw := scalar.Bytes()
	carry := 0
	for i := range t.digits {
		d := bitsAt(&raw, i*digitBits) + carry
		carry = 0
		if d > half {
			d, carry = d-2*half, 1
		}
		t.digits[i] = int8(d)
	}
	return t
}

// bitsAt returns digitBits bits of a big-endian number, at bits from the least
// significant.
func bitsAt(raw *[32]byte, at int) (d int) {
	for i := digitBits - 1; i >= 0; i-- {
		d <<= 1
		if bit := at + i; bit < 256 {
			d |= int(raw[31-bit/8]>>(bit%8)) & 1
		}
	}
	return d
}

// multiply returns the sum of all terms (Pippenger's bucket method).
func multiply(terms []term, result *btcec.JacobianPoint) {
	var buckets [half + 1]btcec.JacobianPoint
	for w := digits - 1; w >= 0; w-- {
		for range digitBits {
			btcec.DoubleNonConst(result, result)
		}
		clear(buckets[:])
		for i := range terms {
			terms[i].addTo(&buckets, w)
		}
		addBuckets(&buckets, result)
	}
}

func (t *term) addTo(buckets *[half + 1]btcec.JacobianPoint, w int) {
	d := t.digits[w]
	switch {
	case d > 0:
		btcec.AddNonConst(&buckets[d], t.point, &buckets[d])
	case d < 0:
		minus := *t.point
		minus.Y.Set(&t.minusY)
		btcec.AddNonConst(&buckets[-d], &minus, &buckets[-d])
	}
}

// addBuckets adds each bucket as often as its number says.
func addBuckets(buckets *[half + 1]btcec.JacobianPoint, result *btcec.JacobianPoint) {
	var running, sum btcec.JacobianPoint
	for d := half; d > 0; d-- {
		btcec.AddNonConst(&running, &buckets[d], &running)
		btcec.AddNonConst(&sum, &running, &sum)
	}
	btcec.AddNonConst(result, &sum, result)
}
