package serial_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
)

func TestCompactSizes(t *testing.T) {
	for _, n := range []uint64{0, 1, 0xfc, 0xfd, 0xffff, 0x1_0000, serial.MaxSize} {
		r := serial.NewReader(serial.AppendCompactSize(nil, n))
		require.Equal(t, n, r.CompactSize())
		require.NoError(t, r.Err())
		require.Zero(t, r.Len())
	}
	for _, c := range []struct {
		raw  []byte
		want error
	}{
		{nil, serial.ErrEnd},
		{[]byte{0xfd, 1}, serial.ErrEnd},
		{[]byte{0xfd, 0xfc, 0}, serial.ErrNonCanonical},
		{[]byte{0xfe, 0xff, 0xff, 0, 0}, serial.ErrNonCanonical},
		{[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, serial.ErrNonCanonical},
		{serial.AppendCompactSize(nil, serial.MaxSize+1), serial.ErrTooLarge},
		{serial.AppendCompactSize(nil, 1<<62), serial.ErrTooLarge},
	} {
		r := serial.NewReader(c.raw)
		require.Zero(t, r.CompactSize())
		require.Equal(t, c.want, r.Err())
	}
}

func TestTheFirstErrorStays(t *testing.T) {
	r := serial.NewReader([]byte{3, 1, 2})
	require.Nil(t, r.VarBytes())
	require.Equal(t, serial.ErrEnd, r.Err())
	require.Zero(t, r.Len())
	require.Zero(t, r.Byte())
	require.Zero(t, r.Uint64())
	require.Zero(t, r.Hash())
	r.Fail(serial.ErrTooLarge)
	require.Equal(t, serial.ErrEnd, r.Err())
}

func FuzzVarBytes(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{2, 1, 2})
	f.Add([]byte{0xfd, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := serial.NewReader(raw)
		data := r.VarBytes()
		if r.Err() == nil {
			require.True(t, bytes.HasPrefix(raw, serial.AppendVarBytes(nil, data)))
		}
	})
}
