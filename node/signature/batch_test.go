package signature

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/stretchr/testify/require"
)

type signed struct{ key, sig, hash []byte }

// signatures makes valid ones of different keys, and some of the same.
func signatures(t testing.TB, count int) []signed {
	t.Helper()
	list := make([]signed, count)
	for i := range list {
		seed := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("key"), uint32(i/2)))
		private, public := btcec.PrivKeyFromBytes(seed[:])
		hash := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("hash"), uint32(i)))
		sig, err := schnorr.Sign(private, hash[:])
		require.NoError(t, err)
		list[i] = signed{schnorr.SerializePubKey(public), sig.Serialize(), hash[:]}
	}
	return list
}

func together(list []signed) bool {
	var b SchnorrBatch
	for _, s := range list {
		b.Add(s.key, s.sig, s.hash)
	}
	return b.Verify()
}

func TestBatchAcceptsValidSignatures(t *testing.T) {
	list := signatures(t, 130)
	for _, count := range []int{0, 1, 2, 3, 64, 130} {
		require.True(t, together(list[:count]), "%d", count)
	}
	require.True(t, together(append(list[:5:5], list[:5]...)), "the same twice")
}

// One bit anywhere in any of them is noticed.
func TestBatchRefusesAnyChange(t *testing.T) {
	list := signatures(t, 12)
	for i := range list {
		for part := range 3 {
			changed := append([]signed(nil), list...)
			s := changed[i]
			field := []*[]byte{&s.key, &s.sig, &s.hash}[part]
			*field = append([]byte(nil), *field...)
			(*field)[(i*7+part)%len(*field)] ^= 1 << (i % 8)
			changed[i] = s
			require.False(t, together(changed), "signature %d, part %d", i, part)
		}
	}
	require.False(t, together([]signed{{list[0].key, list[0].sig[:63], list[0].hash}}))
}

// Two wrong signatures whose errors cancel out in a plain sum are noticed.
func TestBatchErrorsDoNotCancel(t *testing.T) {
	list := signatures(t, 2)
	var delta, s0, s1 btcec.ModNScalar
	delta.SetInt(7)
	s0.SetByteSlice(list[0].sig[32:])
	s1.SetByteSlice(list[1].sig[32:])
	s0.Add(&delta)
	s1.Add(delta.Negate())
	for i, s := range []btcec.ModNScalar{s0, s1} {
		raw := s.Bytes()
		list[i].sig = append(append([]byte(nil), list[i].sig[:32]...), raw[:]...)
	}
	require.False(t, together(list))
}

// A batch is usable again, also after it was refused.
func TestBatchIsEmptyAfterwards(t *testing.T) {
	list := signatures(t, 3)
	var b SchnorrBatch
	b.Add(list[0].key, list[1].sig, list[0].hash)
	require.False(t, b.Verify())
	require.Zero(t, b.Len())
	b.Add(list[0].key, list[0].sig, list[0].hash)
	require.Equal(t, 1, b.Len())
	require.True(t, b.Verify())
}

func FuzzBatchAgreesWithSingles(f *testing.F) {
	f.Add([]byte{0}, uint16(0))
	f.Add([]byte{1, 2, 3}, uint16(77))
	list := signatures(f, 6)
	f.Fuzz(func(t *testing.T, mask []byte, at uint16) {
		changed := append([]signed(nil), list...)
		i := int(at) % len(list)
		s := append(append(append([]byte(nil), list[i].key...), list[i].sig...), list[i].hash...)
		for j, m := range mask {
			s[(int(at)+j)%len(s)] ^= m
		}
		changed[i] = signed{s[:32], s[32:96], s[96:]}
		valid := true
		for _, c := range changed {
			valid = valid && VerifySchnorr(c.key, c.sig, c.hash)
		}
		require.Equal(t, valid, together(changed))
	})
}

func BenchmarkSchnorrBatch(b *testing.B) {
	list := signatures(b, 512)
	b.Run("single", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			s := list[i%len(list)]
			if !VerifySchnorr(s.key, s.sig, s.hash) {
				b.Fatal("refused")
			}
		}
	})
	for _, count := range []int{4, 16, 32, 64, 128, 256, 512} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			for range b.N / count {
				if !together(list[:count]) {
					b.Fatal("refused")
				}
			}
		})
	}
}
