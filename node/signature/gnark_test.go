package signature

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/signature/gnark"
	"github.com/bulkheadnode/bulkhead/node/signature/twin"
)

// number returns the n-th of some scalars.
func number(n uint64) (s btcec.ModNScalar) {
	digest := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("scalar"), n))
	s.SetByteSlice(digest[:])
	return s
}

func small(n uint32) (s btcec.ModNScalar) {
	s.SetInt(n)
	return s
}

// lowS returns the half of s and -s that BIP146 allows.
func lowS(s btcec.ModNScalar) btcec.ModNScalar {
	if s.IsOverHalfOrder() {
		s.Negate()
	}
	return s
}

func product(a btcec.ModNScalar, factors ...btcec.ModNScalar) btcec.ModNScalar {
	for i := range factors {
		a.Mul(&factors[i])
	}
	return a
}

func inverse(a btcec.ModNScalar) btcec.ModNScalar {
	a.InverseNonConst()
	return a
}

func publicOf(d btcec.ModNScalar) []byte {
	return btcec.PrivKeyFromScalar(&d).PubKey().SerializeCompressed()
}

// xOf returns the x of k*G.
func xOf(k btcec.ModNScalar) (x btcec.ModNScalar) {
	x.SetByteSlice(publicOf(k)[1:])
	return x
}

// bothECDSA is the verdict that both implementations must share.
func bothECDSA(t *testing.T, key []byte, r, s, z btcec.ModNScalar) bool {
	t.Helper()
	der, hash := ecdsa.NewSignature(&r, &s).Serialize(), z.Bytes()
	require.True(t, validECDSA(key, der, hash[:]))
	verdict := twin.VerifyECDSA(key, der, hash[:])
	require.Equal(t, verdict, gnark.VerifyECDSA(key, der, hash[:]), "key %x, r %v, s %v, z %v", key, r, s, z)
	return verdict
}

// A verification adds u1*G and u2*Q. In these the two are equal, or each
// other's negatives, or next to nothing.
func TestUnusualSums(t *testing.T) {
	for _, u1 := range []uint32{0, 1, 2, 3, 255, 256, 257, 1 << 24} {
		for _, other := range []uint32{1, 2, 255, 256, 1 << 16} {
			for sign := range 2 {
				s := lowS(number(uint64(u1)))
				sum := u1 + other
				second := small(other)
				if sign == 1 {
					sum = max(u1, other) - min(u1, other)
					second.Negate()
				}
				r := xOf(small(max(sum, 1)))
				key := publicOf(product(second, s, inverse(r)))
				require.Equal(t, sum > 0, bothECDSA(t, key, r, s, product(small(u1), s)), "%d %d %d", u1, other, sign)
			}
		}
	}
}

// liftAbove returns a point whose x is small steps above the group's order.
func liftAbove(t *testing.T) (point *btcec.PublicKey, r btcec.ModNScalar) {
	t.Helper()
	for step := int64(1); ; step++ {
		x := new(big.Int).Add(btcec.S256().N, big.NewInt(step))
		raw := append([]byte{2}, x.Bytes()...)
		if point, err := btcec.ParsePubKey(raw); err == nil {
			return point, small(uint32(step))
		}
	}
}

// The nonce's x may be larger than the group's order.
func TestNonceBeyondTheOrder(t *testing.T) {
	nonce, r := liftAbove(t)
	s, z := lowS(number(1)), number(2)
	// The key that belongs to it is (s*R - z*G) / r.
	var a, b, sum btcec.JacobianPoint
	nonce.AsJacobian(&a)
	factor := product(s, inverse(r))
	btcec.ScalarMultNonConst(&factor, &a, &a)
	factor = product(z, inverse(r))
	btcec.ScalarBaseMultNonConst(factor.Negate(), &b)
	btcec.AddNonConst(&a, &b, &sum)
	sum.ToAffine()
	key := btcec.NewPublicKey(&sum.X, &sum.Y).SerializeCompressed()
	require.True(t, bothECDSA(t, key, r, s, z))
	r.Add(new(btcec.ModNScalar).SetInt(1))
	require.False(t, bothECDSA(t, key, r, s, z))
}

// A nonce whose y is odd does not count, nor does one that is nothing.
func TestUnusualSchnorrNonces(t *testing.T) {
	hash := sha256.Sum256([]byte("message"))
	valid := 0
	for n := range uint64(40) {
		d, k := number(n), number(1000+n)
		public := publicOf(d)
		if public[0] == 3 {
			d.Negate()
		}
		raw := publicOf(k)
		sig := append([]byte(nil), raw[1:]...)
		e := challengeOf(public[1:], sig, hash[:])
		s := product(e, d)
		s.Add(&k)
		sBytes := s.Bytes()
		sig = append(sig, sBytes[:]...)
		want := twin.VerifySchnorr(public[1:], sig, hash[:])
		require.Equal(t, raw[0] == 2, want)
		require.Equal(t, want, gnark.VerifySchnorr(public[1:], sig, hash[:]))
		if want {
			valid++
		}
		nothing := product(e, d)
		sBytes = nothing.Bytes()
		sig = append(sig[:32:32], sBytes[:]...)
		require.False(t, twin.VerifySchnorr(public[1:], sig, hash[:]))
		require.False(t, gnark.VerifySchnorr(public[1:], sig, hash[:]))
	}
	require.Positive(t, valid)
	require.Less(t, valid, 40)
}

func challengeOf(key, sig, hash []byte) (e btcec.ModNScalar) {
	digest := chainhash.TaggedHash(chainhash.TagBIP0340Challenge, sig[:32], key, hash)
	e.SetByteSlice(digest[:])
	return e
}

func FuzzBothAgreeOnECDSA(f *testing.F) {
	for n := range uint64(8) {
		d, z := number(n), number(100+n)
		zBytes := z.Bytes()
		sig := ecdsa.Sign(btcec.PrivKeyFromScalar(&d), zBytes[:])
		r, s := sig.R(), sig.S()
		rBytes, sBytes := r.Bytes(), s.Bytes()
		f.Add(publicOf(d), rBytes[:], sBytes[:], zBytes[:])
	}
	d := number(1)
	f.Add(btcec.PrivKeyFromScalar(&d).PubKey().SerializeUncompressed(), []byte{1}, []byte{1}, make([]byte, Hash))
	f.Fuzz(func(t *testing.T, key, rBytes, sBytes, hash []byte) {
		var r, s btcec.ModNScalar
		r.SetByteSlice(rBytes)
		s.SetByteSlice(sBytes)
		der := ecdsa.NewSignature(&r, &s).Serialize()
		if validECDSA(key, der, hash) {
			require.Equal(t, twin.VerifyECDSA(key, der, hash), gnark.VerifyECDSA(key, der, hash))
		}
	})
}

func FuzzBothAgreeOnSchnorr(f *testing.F) {
	for n := range uint64(8) {
		d := number(n)
		hash := sha256.Sum256([]byte{byte(n)})
		sig, err := schnorr.Sign(btcec.PrivKeyFromScalar(&d), hash[:])
		require.NoError(f, err)
		f.Add(publicOf(d)[1:], sig.Serialize(), hash[:])
	}
	f.Fuzz(func(t *testing.T, key, sig, hash []byte) {
		if len(key) == XOnlyKey && len(sig) == Schnorr && len(hash) == Hash {
			require.Equal(t, twin.VerifySchnorr(key, sig, hash), gnark.VerifySchnorr(key, sig, hash))
		}
	})
}

// Random scalars through both, with keys in both encodings.
func TestBothAgree(t *testing.T) {
	for n := range uint64(300) {
		d, z := number(n), number(5000+n)
		private := btcec.PrivKeyFromScalar(&d)
		hash := z.Bytes()
		sig := ecdsa.Sign(private, hash[:])
		der := sig.Serialize()
		require.True(t, gnark.VerifyECDSA(private.PubKey().SerializeUncompressed(), der, hash[:]))
		require.True(t, bothECDSA(t, publicOf(d), sig.R(), sig.S(), z))
		require.False(t, bothECDSA(t, publicOf(number(n+1)), sig.R(), sig.S(), z))
	}
}

// The multiple of a key is taken apart along an endomorphism of the curve:
// factors at its edges.
func TestFactorsAtTheEdges(t *testing.T) {
	lambda, _ := new(big.Int).SetString("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72", 16)
	n := btcec.S256().N
	one := big.NewInt(1)
	centres := []*big.Int{new(big.Int), lambda, new(big.Int).Rsh(n, 1), new(big.Int).Mod(new(big.Int).Mul(lambda, lambda), n)}
	for bit := uint(8); bit < 256; bit += 8 {
		centres = append(centres, new(big.Int).Lsh(one, bit))
	}
	for _, centre := range centres {
		for near := int64(-2); near <= 2; near++ {
			factor := new(big.Int).Mod(new(big.Int).Add(centre, big.NewInt(near)), n)
			var q btcec.ModNScalar
			q.SetByteSlice(factor.FillBytes(make([]byte, 32)))
			if q.IsZero() {
				continue
			}
			// 94*G + q*Q is 99*G.
			r := xOf(small(99))
			s := product(r, inverse(q))
			key, z := publicOf(product(small(5), inverse(q))), product(small(94), s)
			// With -s the sum is -99*G, of the same x.
			s = lowS(s)
			require.True(t, bothECDSA(t, key, r, s, z), "%x", factor)
		}
	}
}
