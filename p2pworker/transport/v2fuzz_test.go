package transport

import (
	"bufio"
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// beginning is a handshake that reads from memory.
func beginning(initiator bool, stream []byte) *handshake {
	return &handshake{magic: magicOf(wire.TestNet), initiator: initiator, r: bufio.NewReader(bytes.NewReader(stream)),
		write: func([]byte, encoder) {}}
}

// FuzzV2Responder feeds a byte stream to a responder. Who has not agreed on keys
// with us may speak v1, or fails.
func FuzzV2Responder(f *testing.F) {
	v1 := frame(f, wire.NewMsgPing(7))
	copy(v1[4:16], versionField)
	f.Add(v1)
	f.Add(append([]byte{1, 2, 3, 4}, v1[4:]...))
	f.Add(v1[:prefixSize-1])
	f.Add(bytes.Repeat([]byte{0xff}, keySize+maxGarbage+terminatorSize))
	f.Add(make([]byte, keySize+30))
	f.Fuzz(func(t *testing.T, stream []byte) {
		h := beginning(false, stream)
		d, id, err := h.run()
		require.Nil(t, d)
		require.Nil(t, id)
		if err != nil {
			return
		}
		require.True(t, bytes.HasPrefix(stream, v1[:prefixSize]))
		head, err := h.r.Peek(prefixSize)
		require.NoError(t, err, "nothing is taken")
		require.Equal(t, v1[:prefixSize], head)
	})
}

// FuzzV2Initiator feeds one to an initiator.
func FuzzV2Initiator(f *testing.F) {
	f.Add(frame(f, wire.NewMsgPing(7)))
	f.Add(bytes.Repeat([]byte{0xff}, keySize+maxGarbage+terminatorSize))
	f.Add(make([]byte, keySize+30))
	f.Fuzz(func(t *testing.T, stream []byte) {
		_, _, err := beginning(true, stream).run()
		require.Error(t, err)
	})
}

// keyed is the stream of a peer that has agreed on keys with us, up to the version
// packet, and what encrypts its packets.
func keyed(t testing.TB, initiates bool, garbage []byte) (ours ephemeralKey, stream []byte, c *channel) {
	t.Helper()
	ours, err := newEphemeralKey()
	require.NoError(t, err)
	theirs, err := newEphemeralKey()
	require.NoError(t, err)
	c, err = theirs.agree(ours.public, initiates, magicOf(wire.TestNet))
	require.NoError(t, err)
	stream = append(theirs.public[:], garbage...)
	return ours, append(stream, c.sendTerminator[:]...), c
}

// FuzzV2Packets feeds packets of a peer that has our keys: what is accepted must
// make the same contents again, and none is accepted of which a bit was changed.
func FuzzV2Packets(f *testing.F) {
	f.Add(true, []byte("garbage"), []byte("\x1212345678"), false, uint(0), byte(0))
	f.Add(false, []byte{}, []byte("\x00sparkle\x00\x00\x00\x00\x00payload"), false, uint(0), byte(0))
	f.Add(true, []byte{}, []byte("decoy"), true, uint(0), byte(0))
	f.Add(true, bytes.Repeat([]byte{9}, maxGarbage), []byte{}, false, uint(3), byte(0x80))
	f.Fuzz(func(t *testing.T, initiates bool, garbage, contents []byte, decoy bool, at uint, flip byte) {
		if len(garbage) > maxGarbage || len(contents) > maxContents {
			return
		}
		ours, stream, c := keyed(t, initiates, garbage)
		stream = append(stream, seal(t, c.send, nil, garbage, false)...)
		packet := seal(t, c.send, contents, nil, decoy)
		packet[at%uint(len(packet))] ^= flip
		h := beginning(!initiates, append(stream, packet...))
		d, id, err := h.exchange(ours, nil)
		require.NoError(t, err)
		require.Equal(t, c.id[:], id)
		m, err := d.read(h.r)
		var bad *FrameError
		switch {
		case flip != 0 || decoy:
			require.Error(t, err)
			require.False(t, errors.As(err, &bad) && !bad.Fatal, "%v", err)
		case errors.As(err, &bad):
			require.Equal(t, len(packet), bad.Size)
		default:
			require.NoError(t, err)
			require.Equal(t, len(packet), m.Size)
			payload := contents[1:]
			if contents[0] == 0 {
				payload = contents[longTypeSize:]
			}
			require.True(t, bytes.Equal(payload, m.Payload))
			if _, short := shortIDs[m.Type]; !short || contents[0] != 0 {
				require.Equal(t, contents, append(appendType(nil, m.Type), m.Payload...))
			}
		}
	})
}
