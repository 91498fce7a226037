package muhash

import (
	"crypto/sha256"
	"math/big"
	mathbits "math/bits"
	"slices"

	"golang.org/x/crypto/chacha20"
)

const (
	bits = 3072
	// Size is the bytes of a Value.
	Size      = bits / 8
	deficit   = 1103717 // the modulus is 2^bits - deficit
	wordCount = bits / mathbits.UintSize
)

// Set is a multiset's running hash. The zero value is not usable: see New.
type Set struct{ numerator, denominator number }

// New returns the empty set.
func New() *Set {
	s := &Set{}
	s.numerator.v.SetInt64(1)
	s.denominator.v.SetInt64(1)
	return s
}

// Insert adds an element.
func (s *Set) Insert(element []byte) { s.numerator.multiply(element) }

// Remove takes an element away, whether or not it was added before.
func (s *Set) Remove(element []byte) { s.denominator.multiply(element) }

// Value is a set as one number, little-endian.
type Value [Size]byte

// Load returns the set of a value.
func Load(v *Value) *Set {
	s := New()
	raw := *v
	slices.Reverse(raw[:])
	s.numerator.v.SetBytes(raw[:])
	return s
}

// Value returns the number of the set, which may be used further.
func (s *Set) Value() *Value {
	modulus := new(big.Int).Lsh(big.NewInt(1), bits)
	modulus.Sub(modulus, big.NewInt(deficit))
	quotient := new(big.Int).ModInverse(&s.denominator.v, modulus)
	quotient.Mul(quotient, &s.numerator.v).Mod(quotient, modulus)
	var v Value
	quotient.FillBytes(v[:])
	slices.Reverse(v[:])
	return &v
}

// Sum returns the hash of a value.
func (v *Value) Sum() [sha256.Size]byte { return sha256.Sum256(v[:]) }

// Sum returns the hash of the set, which may be used further.
func (s *Set) Sum() [sha256.Size]byte { return s.Value().Sum() }

// number is a product modulo the prime, partly reduced: below 2^bits.
type number struct {
	v, element, product, high big.Int
	stream                    [Size]byte
}

func (n *number) multiply(element []byte) {
	n.expand(element)
	n.product.Mul(&n.v, &n.element)
	// 2^bits is congruent to deficit, so the high part folds onto the low one.
	for n.product.BitLen() > bits {
		n.high.Rsh(&n.product, bits)
		low := n.product.Bits()[:wordCount]
		n.v.SetBits(append(n.v.Bits()[:0], low...))
		n.high.Mul(&n.high, foldFactor())
		n.product.Add(&n.v, &n.high)
	}
	n.v.Set(&n.product)
}

func foldFactor() *big.Int { return big.NewInt(deficit) }

func (n *number) expand(element []byte) {
	key := sha256.Sum256(element)
	var nonce [chacha20.NonceSize]byte
	// Key and nonce have the sizes that the function asks for.
	cipher, err := chacha20.NewUnauthenticatedCipher(key[:], nonce[:])
	if err != nil {
		panic(err)
	}
	clear(n.stream[:])
	cipher.XORKeyStream(n.stream[:], n.stream[:])
	slices.Reverse(n.stream[:])
	n.element.SetBytes(n.stream[:])
}
