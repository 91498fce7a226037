package asmap

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// bitWriter writes programs, for tests.
type bitWriter struct {
	raw  []byte
	used int
}

func (w *bitWriter) bit(b uint32) {
	if w.used%8 == 0 {
		w.raw = append(w.raw, 0)
	}
	w.raw[w.used/8] |= byte(b << (w.used % 8))
	w.used++
}

func (w *bitWriter) number(n, least uint32, classes []int) {
	n -= least
	for i, bits := range classes {
		last := i == len(classes)-1
		if !last && n >= 1<<bits {
			n -= 1 << bits
			w.bit(1)
			continue
		}
		if !last {
			w.bit(0)
		}
		for b := bits - 1; b >= 0; b-- {
			w.bit(n >> b & 1)
		}
		return
	}
}

func (w *bitWriter) step(op operation, n uint32) *bitWriter {
	w.number(uint32(op), 0, operationClasses)
	switch op {
	case branch:
		w.number(n, leastBranch, branchClasses)
	case prefix:
		w.number(n, leastPrefix, prefixClasses)
	default:
		w.number(n, leastSystem, systemClasses)
	}
	return w
}

// length is how many bits a leaf takes.
func length(system uint32) uint32 {
	return uint32(new(bitWriter).step(leaf, system).used)
}

func host(text string) p2p.Host {
	h, _ := p2p.ParseHost(text)
	return h
}

func TestNumbersOfEachClass(t *testing.T) {
	for _, n := range []uint32{1, 2, 1 << 15, 1<<15 + 1, 1 << 16, 398_723, 1<<25 - 1<<15} {
		w := new(bitWriter).step(leaf, n)
		s, ok := program(w.raw).read(0)
		require.True(t, ok, n)
		require.Equal(t, step{leaf, n, w.used}, s)
	}
	_, ok := program(nil).read(0)
	require.False(t, ok)
	whole := new(bitWriter).step(branch, 1<<20).raw
	_, ok = program(whole[:2]).read(0)
	require.False(t, ok, "cut")
}

// TestLookups goes both ways of a branch, with a prefix and without.
func TestLookups(t *testing.T) {
	// ::ffff:0:0/96 by prefixes, then 0/1 is system 7, 128/2 is 300000, 192/2 is 9.
	w := &bitWriter{}
	for range 10 {
		w.step(prefix, 1<<8)
	}
	for range 2 {
		w.step(prefix, 1<<8|0xff)
	}
	w.step(branch, length(7)).step(leaf, 7)
	w.step(branch, length(300_000)).step(leaf, 300_000).step(leaf, 9)
	m, err := New(w.raw)
	require.NoError(t, err)
	for text, want := range map[string]uint32{
		"1.2.3.4": 7, "130.1.1.1": 300_000, "193.5.5.5": 9, "64:ff9b::8201:101": 300_000,
		"2a00:1450::1": 0, "10.0.0.1": 0, "127.0.0.1": 0,
		"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion": 0,
	} {
		require.Equal(t, want, m.System(host(text)), text)
	}
	require.Equal(t, "\x02\xe0\x93\x04\x00", m.Group(host("130.1.1.1")))
	require.Equal(t, m.Group(host("130.1.1.1")), m.Group(host("64:ff9b::8201:101")))
	require.Equal(t, host("2a00:1450::1").Group(), m.Group(host("2a00:1450::1")))
	var none *Map
	require.Zero(t, none.System(host("1.2.3.4")))
	require.Zero(t, none.Version())
	require.Equal(t, host("1.2.3.4").Group(), none.Group(host("1.2.3.4")))

	w = (&bitWriter{}).step(fallback, 5).step(prefix, 0b11).step(leaf, 6)
	m, err = New(w.raw)
	require.NoError(t, err)
	require.EqualValues(t, 5, m.lookup([16]byte{}))
	require.EqualValues(t, 6, m.lookup([16]byte{0x80}))
}

// The map of Bitcoin Core's own tests, and its version there.
const coreMap = "fb03ec0fb03fc0fe00fb03ec0fb03fc0fe00fb03ec0fb0fffffeffedb0ffd486e6282900004000004000409901008001800400000500060" + "01cf039"

func TestTheMapOfBitcoinCore(t *testing.T) {
	raw, err := hex.DecodeString(coreMap)
	require.NoError(t, err)
	m, err := New(raw)
	require.NoError(t, err)
	require.Equal(t, "bafc9da308f45179443bd1d22325400ac9104f741522d003e3fac86700f68895", m.Version().String())
	seen := map[uint32]bool{}
	for _, text := range []string{"101.0.0.0", "101.1.0.0", "101.2.0.0", "101.3.0.0"} {
		require.NotZero(t, m.System(host(text)))
		seen[m.System(host(text))] = true
	}
	require.Len(t, seen, 3)
}

func TestUnsoundMaps(t *testing.T) {
	inner := (&bitWriter{}).step(leaf, 1)
	for name, raw := range map[string][]byte{
		"nothing":                   nil,
		"no leaf":                   (&bitWriter{}).step(prefix, 3).raw,
		"cut":                       inner.raw[:1],
		"too much padding":          append(append([]byte{}, inner.raw...), 0),
		"a bit in the padding":      {inner.raw[0], inner.raw[1], inner.raw[2] | 0x80},
		"a branch beyond the end":   (&bitWriter{}).step(branch, 1000).step(leaf, 1).raw,
		"a branch into a step":      (&bitWriter{}).step(branch, length(1)+1).step(leaf, 1).step(leaf, 2).raw,
		"what nobody comes to":      (&bitWriter{}).step(branch, length(1)+length(2)).step(leaf, 1).step(leaf, 2).step(leaf, 3).raw,
		"a fallback before a leaf":  (&bitWriter{}).step(fallback, 1).step(leaf, 1).raw,
		"two fallbacks":             (&bitWriter{}).step(fallback, 1).step(fallback, 2).step(prefix, 3).step(leaf, 1).raw,
		"two short prefixes":        (&bitWriter{}).step(prefix, 3).step(prefix, 3).step(leaf, 1).raw,
		"more bits than an address": longer(17).raw,
	} {
		_, err := New(raw)
		require.ErrorIs(t, err, ErrUnsound, name)
	}
	_, err := New(longer(16).raw)
	require.NoError(t, err)
}

// longer matches so many bytes.
func longer(bytes int) *bitWriter {
	w := &bitWriter{}
	for range bytes {
		w.step(prefix, 1<<8)
	}
	return w.step(leaf, 1)
}

// FuzzMap: what New takes answers every address, and what it refuses does no harm.
func FuzzMap(f *testing.F) {
	raw, err := hex.DecodeString(coreMap)
	require.NoError(f, err)
	f.Add(raw, []byte{1, 2, 3, 4})
	f.Add(longer(16).raw, []byte{})
	f.Add([]byte{0xff}, []byte{5})
	f.Fuzz(func(t *testing.T, raw, address []byte) {
		m, err := New(raw)
		if err != nil {
			return
		}
		var full [16]byte
		copy(full[:], address)
		if system := m.lookup(full); system >= 1<<25 {
			t.Fatalf("system %d", system)
		}
	})
}
