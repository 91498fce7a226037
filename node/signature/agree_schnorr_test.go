package signature

import (
	"math/big"

	"github.com/btcsuite/btcd/btcec/v2"
)

// The challenge is a hash of nonce and key, so nobody can make a valid signature
// with an s, a challenge or a point of unknown logarithm that he chose: those
// occur in signatures that are not valid only.
var schnorrClasses = []class{
	{"random", 50, randomSchnorr},
	{"a bit changed", 24, flippedSchnorr},
	{"y of the nonce odd", 14, oddNonce},
	{"key not negated", 8, oddKey},
	{"s negated", 4, negatedSchnorr},
	{"off by one", 8, nearSchnorr},
	{"sum is nothing", 10, nothingSchnorr},
	{"point chosen by its x", 6, foreignSchnorr},
	{"parts at borders", 20, gridSchnorr},
}

// schnorrOf signs with q, if its key has an even y, and the nonce k, if that has.
func (r *round) schnorrOf(q, k btcec.ModNScalar, nonce, key *known) triple {
	hash := r.bytes()
	sig, public := nonce.key.SerializeCompressed()[1:], key.key.SerializeCompressed()[1:]
	s := sum(product(challengeOf(public, sig, hash[:]), q), k)
	sBytes := s.Bytes()
	return triple{public, append(sig, sBytes[:]...), hash[:], valid}
}

func randomSchnorr(r *round) triple {
	q, k := r.point(), r.point()
	return r.schnorrOf(q.even(), k.even(), k, q)
}

func flippedSchnorr(r *round) triple {
	t := randomSchnorr(r)
	field := pick(r, []*[]byte{&t.key, &t.sig, &t.hash})
	*field, t.want = r.flip(*field), invalid
	return t
}

// oddNonce: the sum has the x that was promised, but the other y.
func oddNonce(r *round) triple {
	q, k := r.point(), r.point()
	t := r.schnorrOf(q.even(), minus(k.even()), k, q)
	t.want = invalid
	return t
}

func oddKey(r *round) triple {
	q, k := r.point(), r.point()
	t := r.schnorrOf(minus(q.even()), k.even(), k, q)
	t.want = invalid
	return t
}

func negatedSchnorr(r *round) triple {
	t := randomSchnorr(r)
	s := new(big.Int).SetBytes(t.sig[32:])
	s.Mod(s.Sub(groupOrder, s), groupOrder).FillBytes(t.sig[32:])
	t.want = invalid
	return t
}

// nearSchnorr: the nonce, s, the key or the hash is one more or one less.
func nearSchnorr(r *round) triple {
	t := randomSchnorr(r)
	field := pick(r, [][]byte{t.sig[:32], t.sig[32:], t.key, t.hash})
	n := new(big.Int).SetBytes(field)
	n.Add(n, big.NewInt(int64(2*r.IntN(2)-1)))
	if n.Sign() >= 0 && n.BitLen() <= 256 {
		n.FillBytes(field)
		t.want = invalid
	}
	return t
}

// nothingSchnorr: s is the challenge's part alone, so both multiples cancel out.
func nothingSchnorr(r *round) triple {
	q, k := r.point(), r.point()
	t := r.schnorrOf(q.even(), btcec.ModNScalar{}, k, q)
	if r.IntN(2) == 0 {
		nonce := r.border()
		copy(t.sig, nonce[:])
		s := product(challengeOf(t.key, t.sig, t.hash), q.even())
		sBytes := s.Bytes()
		copy(t.sig[32:], sBytes[:])
	}
	t.want = invalid
	return t
}

// foreignSchnorr: the nonce or the key is small, close to the order or the prime,
// or as much above the prime.
func foreignSchnorr(r *round) triple {
	t := randomSchnorr(r)
	f := pick(r, foreignAll)
	field := pick(r, [][]byte{t.sig[:32], t.key})
	copy(field, f.x[:])
	x := new(big.Int).SetBytes(field)
	if x.Add(x, fieldPrime).BitLen() <= 256 && r.IntN(2) == 0 {
		x.FillBytes(field)
	}
	t.want = invalid
	return t
}

func gridSchnorr(r *round) triple {
	t := randomSchnorr(r)
	which := 1 + r.IntN(15)
	for i, field := range [][]byte{t.sig[:32], t.sig[32:], t.key, t.hash} {
		if which>>i&1 != 0 {
			b := r.border()
			copy(field, b[:])
		}
	}
	t.want = unknown
	return t
}

// tweaking is a key to be tweaked.
type tweaking struct {
	output, internal, tweak []byte
	odd                     bool
	want                    verdict
}

// tweakOf makes key q of p: the tweak is their difference.
func (r *round) tweakOf() tweaking {
	p, q := r.point(), r.point()
	tweak := sum(q.d, minus(p.even()))
	raw := tweak.Bytes()
	t := tweaking{q.key.SerializeCompressed()[1:], p.key.SerializeCompressed()[1:], raw[:], q.odd(), valid}
	switch r.IntN(8) {
	case 0:
		t.odd, t.want = !t.odd, invalid
	case 1:
		field := pick(r, []*[]byte{&t.output, &t.internal, &t.tweak})
		*field, t.want = r.flip(*field), invalid
	case 2: // to infinity
		opposite := minus(p.even())
		raw = opposite.Bytes()
		b := r.border()
		t.tweak, t.output, t.want = raw[:], pick(r, [][]byte{t.output, b[:]}), invalid
	case 3:
		b, which := r.border(), 1+r.IntN(7)
		for i, field := range []*[]byte{&t.output, &t.internal, &t.tweak} {
			if which>>i&1 != 0 {
				*field = b[:]
			}
		}
		t.want = unknown
	}
	return t
}
