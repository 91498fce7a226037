package muhash

import (
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func element(i byte) []byte { return append([]byte{i}, make([]byte, 31)...) }

func display(sum [32]byte) string {
	slices.Reverse(sum[:])
	return hex.EncodeToString(sum[:])
}

// The value is that of Bitcoin Core's unit test of MuHash3072.
func TestKnownSum(t *testing.T) {
	s := New()
	s.Insert(element(0))
	s.Insert(element(1))
	s.Remove(element(2))
	require.Equal(t, "10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863", display(s.Sum()))
}

func TestOrderDoesNotMatter(t *testing.T) {
	const seed = 20090103
	r := rand.New(rand.NewPCG(seed, 0))
	a, b := New(), New()
	for _, i := range r.Perm(50) {
		a.Insert(element(byte(i)))
	}
	for _, i := range r.Perm(60) {
		b.Insert(element(byte(i)))
	}
	require.NotEqual(t, a.Sum(), b.Sum())
	for i := range byte(10) {
		b.Remove(element(50 + i))
	}
	require.Equal(t, a.Sum(), b.Sum())
}

// A set goes on from its value as if it had never been written down.
func TestValueLoadsAgain(t *testing.T) {
	whole := New()
	parts := New()
	for i := range byte(20) {
		whole.Insert(element(i))
		parts.Insert(element(i))
		if i%3 == 0 {
			whole.Remove(element(i / 2))
			parts.Remove(element(i / 2))
		}
		value := parts.Value()
		require.Equal(t, whole.Sum(), value.Sum())
		parts = Load(value)
		require.Equal(t, value, parts.Value())
	}
	require.NotEqual(t, New().Sum(), whole.Sum())
}

func BenchmarkValue(b *testing.B) {
	s := New()
	s.Insert(element(1))
	s.Remove(element(2))
	for b.Loop() {
		s.Value()
	}
}

func BenchmarkInsert(b *testing.B) {
	s := New()
	e := element(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Insert(e)
	}
}
