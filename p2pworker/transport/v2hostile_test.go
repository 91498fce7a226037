package transport

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// hostile is a peer that has agreed on keys with us and does then what it likes.
type hostile struct {
	t  testing.TB
	nc net.Conn
	*channel
	garbage []byte
}

// meet returns a Conn of ours and a hostile peer that has sent its key and garbage.
func meet(t testing.TB, initiates bool, garbage []byte) (*Conn, <-chan error, *hostile) {
	t.Helper()
	near, far := sockets(t)
	c := running(t, near, !initiates)
	done := receive(c)
	k, err := newEphemeralKey()
	require.NoError(t, err)
	h := &hostile{t: t, nc: far, garbage: garbage}
	h.send(k.public[:], garbage)
	var ours [keySize]byte
	_, err = io.ReadFull(far, ours[:])
	require.NoError(t, err)
	h.channel, err = k.agree(ours, initiates, magicOf(wire.TestNet))
	require.NoError(t, err)
	return c, done, h
}

func (h *hostile) send(parts ...[]byte) {
	h.t.Helper()
	_, err := h.nc.Write(bytes.Join(parts, nil))
	require.NoError(h.t, err)
}

func (h *hostile) packet(contents, aad []byte, decoy bool) []byte {
	return seal(h.t, h.channel.send, contents, aad, decoy)
}

// behave completes the handshake.
func (h *hostile) behave() {
	h.send(h.sendTerminator[:], h.packet(nil, h.garbage, false))
}

func TestHandshakesThatFail(t *testing.T) {
	garbage := []byte("garbage")
	version := func(h *hostile) []byte { return h.packet(nil, garbage, false) }
	tests := map[string]struct {
		do   func(h *hostile)
		text string
	}{
		"no terminator": {func(h *hostile) { h.send(make([]byte, maxGarbage+terminatorSize-len(garbage))) },
			"V2 transport error: missing garbage terminator"},
		"too much garbage": {func(h *hostile) {
			h.send(make([]byte, maxGarbage+1-len(garbage)), h.sendTerminator[:], version(h))
		}, "V2 transport error: missing garbage terminator"},
		"garbage is another": {func(h *hostile) { h.send([]byte("more"), h.sendTerminator[:], version(h)) },
			"V2 transport error: packet decryption failure (0 bytes)"},
		"garbage is not authenticated": {func(h *hostile) { h.send(h.sendTerminator[:], h.packet(nil, nil, false)) },
			"V2 transport error: packet decryption failure (0 bytes)"},
		"the second packet authenticates it": {func(h *hostile) {
			h.send(h.sendTerminator[:], h.packet([]byte("decoy"), nil, true), version(h))
		}, "V2 transport error: packet decryption failure (5 bytes)"},
		"both packets do": {func(h *hostile) {
			h.send(h.sendTerminator[:], h.packet(nil, garbage, true), version(h))
		}, "V2 transport error: packet decryption failure (0 bytes)"},
		"version packet is too large": {func(h *hostile) { h.send(h.sendTerminator[:], h.channel.send.begin(nil, maxContents+1, false)) },
			"V2 transport error: packet too large (4000014 bytes)"},
		"ends in the garbage":        {func(h *hostile) {}, io.ErrUnexpectedEOF.Error()},
		"ends in the terminator":     {func(h *hostile) { h.send(h.sendTerminator[:terminatorSize-1]) }, io.ErrUnexpectedEOF.Error()},
		"ends after the terminator":  {func(h *hostile) { h.send(h.sendTerminator[:]) }, io.ErrUnexpectedEOF.Error()},
		"ends in the version packet": {func(h *hostile) { h.send(h.sendTerminator[:], version(h)[:packetOverhead-1]) }, io.ErrUnexpectedEOF.Error()},
	}
	for name, tt := range tests {
		for _, initiates := range []bool{true, false} {
			t.Run(name+map[bool]string{true: " inbound", false: " outbound"}[initiates], func(t *testing.T) {
				c, done, h := meet(t, initiates, garbage)
				tt.do(h)
				require.NoError(t, h.nc.(*net.TCPConn).CloseWrite())
				require.EqualError(t, <-done, tt.text)
				require.Equal(t, Session{Protocol: Detecting}, c.Session())
				require.False(t, c.RefusesV2())
			})
		}
	}
}

func TestV1PeerOfAnotherNetwork(t *testing.T) {
	near, far := sockets(t)
	done := receive(running(t, near, false))
	_, err := far.Write([]byte("\x0a\x03\xcf\x40" + versionField))
	require.NoError(t, err)
	require.EqualError(t, <-done, "V2 transport error: V1 peer with wrong MessageStart 0a03cf40")
}

func TestPeerThatEndsInItsKey(t *testing.T) {
	for _, n := range []int{0, 3, prefixSize - 1, prefixSize, keySize - 1} {
		for _, outbound := range []bool{true, false} {
			near, far := sockets(t)
			done := receive(running(t, near, outbound))
			_, err := far.Write(make([]byte, n))
			require.NoError(t, err)
			require.NoError(t, far.(*net.TCPConn).CloseWrite())
			require.Error(t, <-done)
		}
	}
}

// What may follow a handshake, and how long a packet may be.
func TestPacketsThatAreNoMessages(t *testing.T) {
	tests := map[string]struct {
		contents []byte
		text     string
		fatal    bool
	}{
		"empty":             {nil, "V2 transport error: invalid message type (0 bytes contents)", false},
		"byte of no type":   {[]byte{29}, "V2 transport error: invalid message type (1 bytes contents)", false},
		"byte of the last":  {[]byte{38, 1}, "V2 transport error: invalid message type (2 bytes contents)", false},
		"byte 255":          {[]byte{255}, "V2 transport error: invalid message type (1 bytes contents)", false},
		"type that is cut":  {[]byte("\x00sparkle\x00\x00\x00\x00"), "V2 transport error: invalid message type (12 bytes contents)", false},
		"type not padded":   {[]byte("\x00ping\x00ping\x00\x00\x00"), "V2 transport error: invalid message type (13 bytes contents)", false},
		"type not readable": {[]byte("\x00pin\x80\x00\x00\x00\x00\x00\x00\x00\x00"), "V2 transport error: invalid message type (13 bytes contents)", false},
		"payload too large": {append([]byte{2}, make([]byte, MaxPayload+1)...), "V2 transport error: packet too large (4000002 bytes)", true},
		"one byte too much": {make([]byte, maxContents+1), "V2 transport error: packet too large (4000014 bytes)", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, done, h := meet(t, true, nil)
			h.behave()
			packet := h.packet(tt.contents, nil, false)
			if len(tt.contents) > maxContents { // its length is enough, and nobody reads the rest
				packet = packet[:packetOverhead]
			}
			h.send(packet, h.packet([]byte{18, 1}, nil, false))
			err := <-done
			var bad *FrameError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, tt.text, err.Error())
			require.Equal(t, tt.fatal, bad.Fatal)
			if tt.fatal {
				return
			}
			m, err := c.Receive()
			require.NoError(t, err, "the connection goes on after a dropped message")
			require.Equal(t, "ping", m.Type)
			require.EqualValues(t, packetOverhead+len(tt.contents), c.Stats().ReceivedPerType[Other])
		})
	}
}

func TestDecoysAndWhatAVersionPacketHolds(t *testing.T) {
	garbage := make([]byte, maxGarbage)
	c, done, h := meet(t, false, garbage)
	h.send(h.sendTerminator[:], h.packet([]byte("a decoy first"), garbage, true), h.packet(nil, nil, true),
		h.packet([]byte("of a version to come"), nil, false))
	h.send(h.packet(make([]byte, maxContents), nil, true))
	largest := append([]byte("\x00largest\x00\x00\x00\x00\x00"), make([]byte, MaxPayload)...)
	h.send(h.packet(largest, nil, false))
	require.NoError(t, <-done)
	require.Equal(t, map[string]uint64{Other: maxContents + packetOverhead}, c.Stats().ReceivedPerType, "decoys are no messages")
	require.Equal(t, Session{Protocol: V2, ID: h.id[:]}, c.Session())
}

func TestTamperedPacketEndsTheConnection(t *testing.T) {
	for at := range packetOverhead + 9 {
		_, done, h := meet(t, true, nil)
		h.behave()
		packet := h.packet([]byte("\x1212345678"), nil, false)
		packet[at] ^= 4
		// Of a longer packet, as the length may say, no end comes.
		h.send(packet, make([]byte, 100))
		require.NoError(t, h.nc.Close())
		require.Error(t, <-done, "byte %d", at)
	}
}

// The length of a packet takes no memory before its bytes have come.
func TestLengthAloneDoesNotAllocateThePacket(t *testing.T) {
	c, done, h := meet(t, true, nil)
	h.behave()
	h.send(h.packet([]byte{18}, nil, false))
	require.NoError(t, <-done)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.send(h.channel.send.begin(nil, maxContents, false), make([]byte, 1000))
	require.NoError(t, h.nc.(*net.TCPConn).CloseWrite())
	_, err := c.Receive()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2*eagerAlloc))
}
