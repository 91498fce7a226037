package signature

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/stretchr/testify/require"
)

// even negates a scalar whose multiple of the generator has an odd y.
func even(d btcec.ModNScalar) btcec.ModNScalar {
	if publicOf(d)[0] == 3 {
		d.Negate()
	}
	return d
}

// withNonce signs with a nonce of the caller's.
func withNonce(d, k btcec.ModNScalar, hash []byte) signed {
	d, k = even(d), even(k)
	key, sig := publicOf(d)[1:], publicOf(k)[1:]
	e := challengeOf(key, sig, hash)
	s := product(e, d)
	s.Add(&k)
	sBytes := s.Bytes()
	return signed{key, append(sig, sBytes[:]...), hash}
}

// Whoever makes the signatures of a batch chooses their points: all the same,
// the generator, or multiples of each other.
func TestBatchOfEqualPoints(t *testing.T) {
	for _, count := range []int{1, 2, 3, 15, 16, 17, 40, 128, 255, 256, 257} {
		for kind := range 3 {
			var list []signed
			for i := range count {
				hash := sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i%(kind*50+1))))
				key := []uint32{1, 7, uint32(i%5 + 1)}[kind]
				nonce := []uint32{1, 7, uint32(i%3 + 1)}[kind]
				list = append(list, withNonce(small(key), small(nonce), hash[:]))
			}
			require.True(t, VerifySchnorr(list[0].key, list[0].sig, list[0].hash))
			require.True(t, together(list), "%d of kind %d", count, kind)
			for _, i := range []int{0, count / 2, count - 1} {
				other := append([]signed(nil), list...)
				hash := sha256.Sum256([]byte("another"))
				other[i].hash = hash[:]
				require.False(t, together(other), "%d of kind %d", count, kind)
			}
		}
	}
}
