package link_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/link"
)

// TestAFrameHeadAcrossTheEndOfTheReadBuffer: the head of a message's last
// frame may come to lie anywhere, also where one read ends and the next begins.
func TestAFrameHeadAcrossTheEndOfTheReadBuffer(t *testing.T) {
	const readBuffer = 64 << 10
	for before := readBuffer - 12; before <= readBuffer+2; before++ {
		raw, _, arrived, ended := serve(t, link.Limits{})
		shakeHands(t, raw)
		head, last := []byte("head"), make([]byte, 300)
		body := make([]byte, before-(2+len(head))-9)
		wire := append([]byte{1, byte(len(head))}, head...)
		wire = binary.BigEndian.AppendUint64(append(wire, 1|2), uint64(len(body)))
		wire = append(wire, body...)
		wire = binary.BigEndian.AppendUint64(append(wire, 2), uint64(len(last)))
		_, err := raw.Write(append(wire, last...))
		require.NoError(t, err)
		select {
		case m := <-arrived:
			require.Equal(t, [][]byte{head, body, last}, m)
		case err := <-ended:
			require.NoError(t, err, "%d bytes before the last frame", before)
			require.Fail(t, "the link ended", "%d bytes before the last frame", before)
		}
	}
}

// TestAHandshakeOfManyFramesIsRefused: the frames after the first would be
// taken in without a look at their size.
func TestAHandshakeOfManyFramesIsRefused(t *testing.T) {
	raw, _, _, ended := serve(t, link.Limits{})
	command := ready()
	command[0] |= 1 // more follows
	claim := binary.BigEndian.AppendUint64([]byte{2}, 1<<30)
	_, err := raw.Write(append(append(greeting(), command...), claim...))
	require.NoError(t, err)
	require.ErrorContains(t, <-ended, "handshake of more than one frame")
}
