package signature

import (
	"bytes"
	"math/big"

	"github.com/btcsuite/btcd/btcec/v2"
)

// verdict is what has to be said of a case.
type verdict byte

const (
	unknown verdict = iota // all must say the same
	valid
	invalid
)

// triple is a signature to be verified.
type triple struct {
	key, sig, hash []byte
	want           verdict
}

// class is a way to make signatures; the weight is how many of a cycle it makes.
type class struct {
	name   string
	weight int
	make   func(r *round) triple
}

var ecdsaClasses = []class{
	{"random", 40, randomECDSA},
	{"s negated", 8, negatedS},
	{"a bit changed", 24, flippedECDSA},
	{"key negated", 6, negatedKey},
	{"hybrid key", 3, hybridKey},
	{"off by one", 10, nearECDSA},
	{"s at a border", 14, borderS},
	{"factor of the generator at a border", 14, borderU1},
	{"factor of the key at a border", 14, borderU2},
	{"equal addends", 6, equalAddends},
	{"sum is nothing", 8, nothing},
	{"hash not below the order", 8, largeHash},
	{"x of the nonce beyond the order", 8, func(r *round) triple { return byForeignNonce(r, beyondOrder) }},
	{"x of the nonce small or below the order", 6, func(r *round) triple { return byForeignNonce(r, smallX) }},
	{"x of the nonce not reduced", 3, notReduced},
	{"key chosen by its x", 8, foreignKey},
	{"parts at borders", 14, gridECDSA},
	{"strange key", 4, strangeKey},
	{"strange encoding", 2, strangeDER},
}

// encode returns the key in one of the encodings that are allowed.
func (r *round) encode(key *btcec.PublicKey) []byte {
	if r.IntN(4) == 0 {
		return key.SerializeUncompressed()
	}
	return key.SerializeCompressed()
}

func derInteger(n []byte) []byte {
	n = bytes.TrimLeft(n, "\x00")
	if len(n) == 0 || n[0]&0x80 != 0 {
		n = append([]byte{0}, n...)
	}
	return append([]byte{2, byte(len(n))}, n...)
}

// encodeDER encodes integers of any size and value. s stays what it is.
func encodeDER(r, s []byte) []byte {
	body := append(derInteger(r), derInteger(s)...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

// ecdsaOf is a signature with s in the lower half: with -s both factors are
// negated, and so is the nonce, whose x stays.
func (r *round) ecdsaOf(key *btcec.PublicKey, rs, s, z btcec.ModNScalar) triple {
	s = lowS(s)
	rBytes, sBytes, hash := rs.Bytes(), s.Bytes(), z.Bytes()
	t := triple{r.encode(key), encodeDER(rBytes[:], sBytes[:]), hash[:], valid}
	if rs.IsZero() || s.IsZero() {
		t.want = invalid
	}
	return t
}

func sum(a btcec.ModNScalar, addends ...btcec.ModNScalar) btcec.ModNScalar {
	for i := range addends {
		a.Add(&addends[i])
	}
	return a
}

func minus(a btcec.ModNScalar) btcec.ModNScalar {
	a.Negate()
	return a
}

// signed returns q's signature of z with the nonce k.
func (r *round) signed(q, k *known, z btcec.ModNScalar) triple {
	x := k.x()
	return r.ecdsaOf(q.key, x, product(sum(z, product(x, q.d)), k.inverse), z)
}

func randomECDSA(r *round) triple { return r.signed(r.point(), r.point(), r.scalar()) }

// parts returns r and s of a signature that is encoded as usual.
func (t triple) parts() (r, s []byte) {
	n := int(t.sig[3])
	return t.sig[4 : 4+n], t.sig[6+n:]
}

func negatedS(r *round) triple {
	t := randomECDSA(r)
	rBytes, sBytes := t.parts()
	s := new(big.Int).SetBytes(sBytes)
	t.sig, t.want = encodeDER(rBytes, s.Sub(groupOrder, s).Bytes()), invalid
	return t
}

func flippedECDSA(r *round) triple {
	t := randomECDSA(r)
	field := pick(r, []*[]byte{&t.key, &t.sig, &t.hash})
	*field, t.want = r.flip(*field), invalid
	return t
}

func negatedKey(r *round) triple {
	q := r.point()
	t := r.signed(q, r.point(), r.scalar())
	t.key, t.want = q.key.SerializeCompressed(), invalid
	t.key[0] ^= 1
	return t
}

// hybridKey: the parity beside y, right or wrong.
func hybridKey(r *round) triple {
	q := r.point()
	t := r.signed(q, r.point(), r.scalar())
	t.key, t.want = q.key.SerializeUncompressed(), invalid
	t.key[0] = byte(6 + r.IntN(2))
	return t
}

// nearECDSA: r, s or the hash is one more or one less.
func nearECDSA(r *round) triple {
	t := randomECDSA(r)
	rBytes, sBytes := t.parts()
	values := []*big.Int{new(big.Int).SetBytes(rBytes), new(big.Int).SetBytes(sBytes), new(big.Int).SetBytes(t.hash)}
	changed := pick(r, values)
	changed.Add(changed, big.NewInt(int64(2*r.IntN(2)-1)))
	if changed.Sign() < 0 || changed.BitLen() > 256 {
		return t
	}
	t.sig, t.hash, t.want = encodeDER(values[0].Bytes(), values[1].Bytes()), values[2].FillBytes(make([]byte, Hash)), invalid
	return t
}

// borderS: z = s*k - r*q.
func borderS(r *round) triple {
	q, k, s := r.point(), r.point(), lowS(r.borderScalar())
	x := k.x()
	return r.ecdsaOf(q.key, x, s, sum(product(s, k.d), minus(product(x, q.d))))
}

// borderU1: k = u1 + u2*q.
func borderU1(r *round) triple {
	q, k, u1 := r.point(), r.point(), r.borderScalar()
	u2 := product(sum(k.d, minus(u1)), q.inverse)
	if u2.IsZero() {
		return randomECDSA(r)
	}
	s := product(k.x(), inverse(u2))
	return r.ecdsaOf(q.key, k.x(), s, product(u1, s))
}

func borderU2(r *round) triple {
	q, k, u2 := r.point(), r.point(), r.borderScalar()
	if u2.IsZero() {
		return randomECDSA(r)
	}
	u1 := sum(k.d, minus(product(u2, q.d)))
	s := product(k.x(), inverse(u2))
	return r.ecdsaOf(q.key, k.x(), s, product(u1, s))
}

// oneHalf of the group's elements: twice it is one.
var oneHalf = inverse(small(2))

// equalAddends: both multiples are the same point.
func equalAddends(r *round) triple {
	q, k := r.point(), r.point()
	u1 := product(k.d, oneHalf)
	u2 := product(u1, q.inverse)
	s := product(k.x(), inverse(u2))
	return r.ecdsaOf(q.key, k.x(), s, product(u1, s))
}

// nothing: z = -r*q, so both multiples cancel out, whatever s is.
func nothing(r *round) triple {
	q, x, s := r.point(), r.borderScalar(), r.borderScalar()
	if r.IntN(2) == 0 {
		x, s = r.point().x(), r.scalar()
	}
	t := r.ecdsaOf(q.key, x, s, minus(product(x, q.d)))
	t.want = invalid
	return t
}

// largeHash: the hash is taken modulo the order.
func largeHash(r *round) triple {
	room := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), groupOrder)
	raw := r.bytes()
	extra := new(big.Int).SetBytes(raw[:])
	switch extra.Mod(extra, room); r.IntN(8) {
	case 0:
		extra.SetInt64(0)
	case 1:
		extra.SetInt64(1)
	case 2:
		extra.Sub(room, big.NewInt(1))
	}
	var z btcec.ModNScalar
	z.SetByteSlice(extra.Bytes())
	t := r.signed(r.point(), r.point(), z)
	t.hash = extra.Add(extra, groupOrder).FillBytes(make([]byte, Hash))
	return t
}

// byForeignNonce: the key is a*R + b*G, so R = (Q - b*G)/a.
func byForeignNonce(r *round, nonces []foreign) triple {
	nonce, b, a := &nonces[r.IntN(len(nonces))], r.point(), r.IntN(3)
	var x btcec.ModNScalar
	x.SetByteSlice(nonce.x[:])
	s, z := product(x, small(uint32(a+1))), minus(product(b.d, x))
	t := r.ecdsaOf(b.plus(&nonce.multiples[a]), x, s, z)
	if r.IntN(4) == 0 { // and one that is not
		rBytes, sBytes := t.parts()
		near := new(big.Int).SetBytes(rBytes)
		t.sig, t.want = encodeDER(near.Add(near, big.NewInt(1)).Bytes(), sBytes), invalid
	}
	return t
}

// notReduced: r is the x itself, or a valid r plus the order, where there is room.
func notReduced(r *round) triple {
	t := byForeignNonce(r, pick(r, [][]foreign{beyondOrder, smallX[:12]}))
	rBytes, sBytes := t.parts()
	x := new(big.Int).SetBytes(rBytes)
	t.sig, t.want = encodeDER(x.Add(x, groupOrder).Bytes(), sBytes), invalid
	return t
}

// foreignKey: the nonce is a*Q + b*G.
func foreignKey(r *round) triple {
	key, b, a := pick(r, foreignAll), r.point(), r.IntN(3)
	var x btcec.ModNScalar
	x.SetByteSlice(b.plus(&key.multiples[a]).SerializeCompressed()[1:])
	s := product(x, inverse(small(uint32(a+1))))
	return r.ecdsaOf(key.key(), x, s, product(b.d, s))
}

// gridECDSA: some or all parts of a valid signature give way to borders.
func gridECDSA(r *round) triple {
	t := randomECDSA(r)
	rBytes, sBytes := t.parts()
	which := 1 + r.IntN(15)
	if which&1 != 0 {
		b := r.border()
		rBytes = b[:]
	}
	if which&2 != 0 {
		b := r.border()
		sBytes = b[:]
	}
	if which&4 != 0 {
		b := r.border()
		t.hash = b[:]
	}
	if which&8 != 0 {
		t.key = r.encode(pick(r, borderPoints).key)
	}
	t.sig, t.want = encodeDER(rBytes, sBytes), unknown
	return t
}

// strangeKey: what is nearly a key, or none.
func strangeKey(r *round) triple {
	t := randomECDSA(r)
	x, y := r.border(), r.border()
	t.want = unknown
	switch r.IntN(4) {
	case 0:
		t.key = append([]byte{byte(2 + r.IntN(2))}, x[:]...)
	case 1:
		t.key = append(append([]byte{4}, x[:]...), y[:]...)
	case 2: // y and y plus the prime, or anything
		t.key = pick(r, smallY).key().SerializeUncompressed()
		y := new(big.Int).SetBytes(t.key[33:])
		y.Add(y, fieldPrime).FillBytes(t.key[33:])
	case 3:
		t.key[0] = byte(r.IntN(256))
	}
	return t
}

// strangeDER: a valid signature in an encoding that BIP66 does not allow.
func strangeDER(r *round) triple {
	t := randomECDSA(r)
	rBytes, sBytes := t.parts()
	pad := func(n []byte) []byte { return append([]byte{2, byte(len(n) + 1), 0}, n...) }
	plain := func(n []byte) []byte { return append([]byte{2, byte(len(n))}, n...) }
	sequence := func(parts ...[]byte) []byte {
		body := bytes.Join(parts, nil)
		return append([]byte{0x30, byte(len(body))}, body...)
	}
	usual := sequence(plain(rBytes), plain(sBytes))
	t.sig, t.want = pick(r, [][]byte{
		sequence(pad(rBytes), plain(sBytes)), sequence(plain(rBytes), pad(sBytes)),
		append(usual, 0), usual[:len(usual)-1], sequence(plain(rBytes), plain(sBytes), []byte{2, 1, 1}),
		append([]byte{0x30, 0x81, usual[1]}, usual[2:]...), sequence(append([]byte{2, 0x81, byte(len(rBytes))}, rBytes...), plain(sBytes)),
		append([]byte{0x31}, usual[1:]...), sequence(plain(rBytes)), sequence([]byte{2, 0}, plain(sBytes)),
	}), invalid
	return t
}
