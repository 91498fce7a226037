package signature

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
)

// known is a point whose discrete logarithm is known: one can sign with it, and
// for it.
type known struct {
	d, inverse btcec.ModNScalar
	at         btcec.JacobianPoint // affine
	key        *btcec.PublicKey
}

func knownAt(d btcec.ModNScalar, at btcec.JacobianPoint) known {
	at.ToAffine()
	return known{d, inverse(d), at, btcec.NewPublicKey(&at.X, &at.Y)}
}

func knownOf(d btcec.ModNScalar) known {
	var at btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&d, &at)
	return knownAt(d, at)
}

// x returns the point's x modulo the order: r of a signature with this nonce.
func (k *known) x() (x btcec.ModNScalar) {
	x.SetByteSlice(k.key.SerializeCompressed()[1:])
	return x
}

func (k *known) odd() bool { return k.at.Y.IsOdd() }

// even returns the logarithm of the point with this x and an even y (BIP340).
func (k *known) even() btcec.ModNScalar {
	d := k.d
	if k.odd() {
		d.Negate()
	}
	return d
}

// plus returns k + other.
func (k *known) plus(other *btcec.JacobianPoint) *btcec.PublicKey {
	var sum btcec.JacobianPoint
	btcec.AddNonConst(&k.at, other, &sum)
	sum.ToAffine()
	return btcec.NewPublicKey(&sum.X, &sum.Y)
}

var (
	fieldPrime = btcec.S256().P
	groupOrder = btcec.S256().N
	// lambda times a point is the point with its x times a third root of one.
	lambda, _ = new(big.Int).SetString("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72", 16)
)

// borders are integers of 32 bytes at which something changes: the order, the
// prime, what lies between them, halves, carries between words, and factors at
// which a multiple is taken apart.
var borders = func() (list [][Hash]byte) {
	limit := new(big.Int).Lsh(big.NewInt(1), 256)
	half := new(big.Int).Rsh(groupOrder, 1)
	gap := new(big.Int).Sub(fieldPrime, groupOrder)
	squared := new(big.Int).Mul(lambda, lambda)
	centres := []*big.Int{
		new(big.Int), groupOrder, fieldPrime, limit, half, gap, new(big.Int).Sub(limit, groupOrder), new(big.Int).Sub(limit, fieldPrime),
		lambda, new(big.Int).Sub(groupOrder, lambda), squared.Mod(squared, groupOrder), new(big.Int).Rsh(fieldPrime, 1),
	}
	for bit := uint(32); bit < 256; bit += 32 {
		centres = append(centres, new(big.Int).Lsh(big.NewInt(1), bit))
	}
	for _, centre := range centres {
		for near := int64(-2); near <= 2; near++ {
			n := new(big.Int).Add(centre, big.NewInt(near))
			if n.Sign() >= 0 && n.Cmp(limit) < 0 {
				list = append(list, [Hash]byte(n.FillBytes(make([]byte, Hash))))
			}
		}
	}
	return list
}()

// borderPoints have logarithms at borders: the generator, its double, their
// negatives, its images under the endomorphism.
var borderPoints = func() (list []known) {
	for _, raw := range borders {
		var d btcec.ModNScalar
		if d.SetByteSlice(raw[:]); !d.IsZero() {
			list = append(list, knownOf(d))
		}
	}
	return list
}()

// foreign is a point that was chosen by its x, with its first multiples: nobody
// knows its logarithm.
type foreign struct {
	x         [Hash]byte
	multiples [3]btcec.JacobianPoint // affine
}

func (f foreign) key() *btcec.PublicKey {
	return btcec.NewPublicKey(&f.multiples[0].X, &f.multiples[0].Y)
}

// foreigners returns points with both signs of y whose x is the first that are on
// the curve from x on.
func foreigners(x *big.Int, step int64) (list []foreign) {
	for x = new(big.Int).Set(x); len(list) < 12; x.Add(x, big.NewInt(step)) {
		raw := [Hash]byte(x.FillBytes(make([]byte, Hash)))
		for sign := byte(2); sign <= 3; sign++ {
			if key, err := btcec.ParsePubKey(append([]byte{sign}, raw[:]...)); err == nil {
				list = append(list, foreignOf(key))
			}
		}
	}
	return list
}

func foreignOf(key *btcec.PublicKey) foreign {
	f := foreign{x: [Hash]byte(key.SerializeCompressed()[1:])}
	for i := range f.multiples {
		factor := small(uint32(i + 1))
		key.AsJacobian(&f.multiples[i])
		btcec.ScalarMultNonConst(&factor, &f.multiples[i], &f.multiples[i])
		f.multiples[i].ToAffine()
	}
	return f
}

// foreignersByY returns points of small y.
func foreignersByY() (list []foreign) {
	// Of what has a cube root, this power is one: the prime is 7 modulo 9.
	power := new(big.Int).Add(fieldPrime, big.NewInt(2))
	power.Div(power, big.NewInt(9))
	for y := int64(1); len(list) < 12; y++ {
		x := big.NewInt(y*y - 7)
		x.Exp(x.Mod(x, fieldPrime), power, fieldPrime)
		raw := append(append([]byte{4}, x.FillBytes(make([]byte, Hash))...), big.NewInt(y).FillBytes(make([]byte, Hash))...)
		if key, err := btcec.ParsePubKey(raw); err == nil {
			list = append(list, foreignOf(key))
		}
	}
	return list
}

var (
	beyondOrder = append(foreigners(groupOrder, 1), foreigners(new(big.Int).Sub(fieldPrime, big.NewInt(1)), -1)...)
	smallX      = append(foreigners(big.NewInt(1), 1), foreigners(new(big.Int).Sub(groupOrder, big.NewInt(1)), -1)...)
	smallY      = foreignersByY()
	foreignAll  = slices.Concat(beyondOrder, smallX, smallY)
)

// round makes signatures from few multiples of points: those of a walk in equal
// steps.
type round struct {
	*rand.Rand
	walk [48]known
}

func newRound(seed, number uint64) *round {
	var chacha [32]byte
	binary.BigEndian.PutUint64(chacha[:], seed)
	binary.BigEndian.PutUint64(chacha[8:], number)
	r := &round{Rand: rand.New(rand.NewChaCha8(chacha))}
	at, step := knownOf(r.scalar()), knownOf(r.scalar())
	for i := range r.walk {
		r.walk[i] = at
		d := at.d
		d.Add(&step.d)
		var next btcec.JacobianPoint
		btcec.AddNonConst(&at.at, &step.at, &next)
		at = knownAt(d, next)
	}
	return r
}

func (r *round) bytes() (b [Hash]byte) {
	for i := 0; i < len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], r.Uint64())
	}
	return b
}

func (r *round) scalar() (s btcec.ModNScalar) {
	b := r.bytes()
	s.SetByteSlice(b[:])
	return s
}

func (r *round) border() [Hash]byte { return pick(r, borders) }

func (r *round) borderScalar() (s btcec.ModNScalar) {
	b := r.border()
	s.SetByteSlice(b[:])
	return s
}

// point returns one of the walk or, one time in four, of the borders.
func (r *round) point() *known {
	if r.IntN(4) == 0 {
		return &borderPoints[r.IntN(len(borderPoints))]
	}
	return &r.walk[r.IntN(len(r.walk))]
}

func pick[T any](r *round, list []T) T { return list[r.IntN(len(list))] }

// flip returns b with one bit changed.
func (r *round) flip(b []byte) []byte {
	b = append([]byte(nil), b...)
	b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	return b
}
