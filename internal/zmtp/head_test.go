package zmtp_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// heads are frames' heads as RFC 23 has them.
var heads = []struct {
	flags byte
	size  uint64
	wire  string
}{
	{0, 0, "\x00\x00"},
	{zmtp.More, 1, "\x01\x01"},
	{zmtp.Command, 255, "\x04\xff"},
	{0, 256, "\x02\x00\x00\x00\x00\x00\x00\x01\x00"},
	{zmtp.More, 1<<32 + 5, "\x03\x00\x00\x00\x01\x00\x00\x00\x05"},
	{zmtp.Command, 1 << 62, "\x06\x40\x00\x00\x00\x00\x00\x00\x00"},
	{0, math.MaxInt64, "\x02\x7f\xff\xff\xff\xff\xff\xff\xff"},
}

func TestHeadsAreWrittenAndRead(t *testing.T) {
	for _, test := range heads {
		wire := zmtp.AppendHead([]byte("before"), test.flags, int(test.size))
		require.Equal(t, "before"+test.wire, string(wire))
		require.Equal(t, test.wire, string(zmtp.AppendHead(nil, test.flags|zmtp.Long, int(test.size))), "the size decides")
		require.Equal(t, len(test.wire), zmtp.HeadSize(int(test.size)))

		h, n, err := zmtp.ParseHead([]byte(test.wire + "body"))
		require.NoError(t, err)
		require.Equal(t, len(test.wire), n)
		require.Equal(t, zmtp.Head{Flags: test.wire[0], Size: test.size}, h)
		require.Equal(t, test.flags&zmtp.More != 0, h.More())
		require.Equal(t, test.flags&zmtp.Command != 0, h.Command())
	}
}

func TestAHeadCutShortTellsHowMuchIsNeeded(t *testing.T) {
	for _, test := range heads {
		for cut := range len(test.wire) {
			h, n, err := zmtp.ParseHead([]byte(test.wire[:cut]))
			require.NoError(t, err)
			require.Greater(t, n, cut)
			require.LessOrEqual(t, n, len(test.wire))
			require.Zero(t, h.Size)
			if cut > 0 {
				require.Equal(t, len(test.wire), n)
				require.Equal(t, test.wire[0], h.Flags)
			}
		}
	}
}

func TestReservedFlagsAreRefusedAtOnce(t *testing.T) {
	for flags := range 256 {
		wire := append([]byte{byte(flags)}, "\x01\x02\x03\x04\x05\x06\x07\x08"...)
		whole := zmtp.Head{Flags: byte(flags), Size: 1}
		if flags&zmtp.Long != 0 {
			whole.Size = 0x0102030405060708
		}
		for length := 1; length <= len(wire); length++ {
			h, n, err := zmtp.ParseHead(wire[:length])
			if flags > zmtp.More|zmtp.Long|zmtp.Command {
				require.Equal(t, zmtp.ReservedFlagsError(flags), err)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, byte(flags), h.Flags)
			if n <= length {
				require.Equal(t, whole, h, "whole even if it is refused")
			}
		}
	}
	require.EqualError(t, zmtp.ReservedFlagsError(0x84), "reserved frame flags 0x84")
}

func TestALongHeadMayTellOfASmallBody(t *testing.T) {
	h, n, err := zmtp.ParseHead([]byte("\x02\x00\x00\x00\x00\x00\x00\x00\x03"))
	require.NoError(t, err)
	require.Equal(t, zmtp.LongHead, n)
	require.Equal(t, zmtp.Head{Flags: zmtp.Long, Size: 3}, h)
}

func TestTheSizeOfAFrame(t *testing.T) {
	for size, want := range map[int]int{0: 2, 1: 3, 255: 257, 256: 265, 1 << 30: 1<<30 + 9} {
		require.Equal(t, want, zmtp.FrameSize(size))
	}
}

// TestHeadsTakeNoMemory: they are written and read for every frame, into and
// from memory on the stack as well.
func TestHeadsTakeNoMemory(t *testing.T) {
	size, flags, sum := 300, byte(0x80), uint64(0)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		var head [zmtp.LongHead]byte
		h, n, err := zmtp.ParseHead(zmtp.AppendHead(head[:0], flags, size))
		if err != nil {
			sum += h.Size + uint64(n)
		}
	}))
	require.NotZero(t, sum)
}

func BenchmarkAppendHead(b *testing.B) {
	sizes := [2]int{200, 300}
	b.ReportAllocs()
	i, sum := 0, 0
	for b.Loop() {
		var head [zmtp.LongHead]byte
		sum += len(zmtp.AppendHead(head[:0], zmtp.More, sizes[i&1]))
		i++
	}
	require.NotZero(b, sum)
}

func BenchmarkParseHead(b *testing.B) {
	wires := [2][]byte{[]byte(heads[2].wire), []byte(heads[4].wire)}
	b.ReportAllocs()
	i, sum := 0, uint64(0)
	for b.Loop() {
		h, _, err := zmtp.ParseHead(wires[i&1])
		if err != nil {
			b.Fatal(err)
		}
		sum += h.Size
		i++
	}
	require.NotZero(b, sum)
}

// FuzzHead: whatever bytes a peer sends, a head is incomplete, refused, or what
// it would be written as again, but for a long one of a small body.
func FuzzHead(f *testing.F) {
	for _, test := range heads {
		f.Add([]byte(test.wire))
		f.Add([]byte(test.wire[:len(test.wire)-1]))
	}
	f.Add([]byte(nil))
	f.Add([]byte("\x84\x00"))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00\xff"))
	f.Add([]byte("\x02\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, n, err := zmtp.ParseHead(data)
		if len(data) > 0 {
			require.Equal(t, data[0], h.Flags)
			require.Equal(t, data[0]&^(zmtp.More|zmtp.Long|zmtp.Command) != 0, err != nil)
		}
		if n > len(data) {
			require.LessOrEqual(t, n, zmtp.LongHead)
			require.Zero(t, h.Size)
			return
		}
		if err != nil || h.Size > math.MaxInt {
			return
		}
		again := zmtp.AppendHead(nil, h.Flags, int(h.Size))
		if n == len(again) {
			require.True(t, bytes.Equal(data[:n], again), "%x became %x", data[:n], again)
			return
		}
		require.Equal(t, zmtp.LongHead, n)
		require.Equal(t, []byte{h.Flags &^ zmtp.Long, byte(h.Size)}, again)
	})
}
