package transport

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/v2transport"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// sockets returns both ends of a TCP connection.
func sockets(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	a, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	b, err = l.Accept()
	require.NoError(t, err)
	for _, nc := range []net.Conn{a, b} {
		require.NoError(t, nc.SetDeadline(time.Now().Add(time.Minute)))
		t.Cleanup(func() { nc.Close() })
	}
	return a, b
}

// running returns a Conn that may be encrypted, and writes what it is given.
func running(t testing.TB, nc net.Conn, outbound bool) *Conn {
	t.Helper()
	c := New(nc, Config{Net: wire.TestNet, Now: fixedNow, Outbound: outbound, V2: true})
	done := make(chan error, 1)
	go func() { done <- c.Run(context.Background()) }()
	t.Cleanup(func() { c.Close(); <-done })
	return c
}

// receive takes the next message in a goroutine of its own.
func receive(c *Conn) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Receive()
		done <- err
	}()
	return done
}

func TestBothEndsOfASocketAgree(t *testing.T) {
	near, far := sockets(t)
	a, b := running(t, near, true), running(t, far, false)
	require.Equal(t, Session{Protocol: Detecting}, a.Session())
	large := bytes.Repeat([]byte("0123456789abcdef"), MaxPayload/16)
	sent := []Message{
		{Type: "ping", Payload: []byte("12345678"), Size: 1 + 8 + packetOverhead},
		{Type: "verack", Payload: []byte{}, Size: 13 + packetOverhead},
		{Type: "block", Payload: large, Size: 1 + len(large) + packetOverhead},
		{Type: "block", Payload: large[:bufferSize-1-packetOverhead], Size: bufferSize},
		{Type: "block", Payload: large[:bufferSize-packetOverhead], Size: bufferSize + 1},
	}
	for range rekeyInterval { // more than the same keys are used for
		sent = append(sent, Message{Type: "inv", Payload: []byte{0}, Size: 2 + packetOverhead})
	}
	for _, ends := range [][2]*Conn{{a, b}, {b, a}} {
		for _, m := range sent {
			require.NoError(t, ends[0].Send(m.Type, m.Payload))
		}
	}
	first := receive(b) // both ends have to read for either to get on
	for _, c := range []*Conn{a, b} {
		expected := sent
		if c == b {
			require.NoError(t, <-first)
			expected = sent[1:]
		}
		for _, want := range expected {
			got, err := c.Receive()
			require.NoError(t, err)
			require.Equal(t, want.Type, got.Type)
			require.Equal(t, want.Size, got.Size)
			require.True(t, bytes.Equal(want.Payload, got.Payload), want.Type)
		}
		require.Equal(t, V2, c.Session().Protocol)
	}
	require.Len(t, a.Session().ID, 32)
	require.Equal(t, a.Session().ID, b.Session().ID)
	require.Equal(t, a.Stats().BytesSent, b.Stats().BytesReceived)
	require.Equal(t, b.Stats().BytesSent, a.Stats().BytesReceived)
	require.EqualValues(t, 1+8+packetOverhead, a.Stats().ReceivedPerType["ping"])
	require.Equal(t, a.Stats().ReceivedPerType, b.Stats().SentPerType)
	require.Greater(t, a.Stats().BytesSent, uint64(keySize+terminatorSize+packetOverhead), "the handshake counts")
}

// btcd's end of a connection is an implementation that shares nothing with ours.
func TestBtcdsEndAgrees(t *testing.T) {
	tests := map[string]struct {
		garbage int
		decoys  []int
	}{
		"bare":         {0, nil},
		"full garbage": {maxGarbage, nil},
		"decoys":       {100, []int{0, 1, 500, 0}},
	}
	for name, tt := range tests {
		for _, outbound := range []bool{true, false} {
			t.Run(name+map[bool]string{true: " outbound", false: " inbound"}[outbound], func(t *testing.T) {
				near, far := sockets(t)
				c := running(t, near, outbound)
				require.NoError(t, c.Send("ping", []byte("12345678")))
				errs := make(chan error, 1)
				go func() { errs <- playBtcd(far, !outbound, tt.garbage, tt.decoys) }()
				m, err := c.Receive()
				require.NoError(t, err)
				require.Equal(t, Message{Type: "pong", Payload: []byte("12345678"), Size: 9 + packetOverhead}, m)
				m, err = c.Receive()
				require.NoError(t, err)
				require.Equal(t, "sparkle", m.Type)
				require.NoError(t, <-errs)
			})
		}
	}
}

// playBtcd expects a ping, and sends a pong, a decoy, and a message of a type of its own.
func playBtcd(nc net.Conn, initiator bool, garbage int, decoys []int) error {
	p := v2transport.NewPeer()
	p.UseReadWriter(nc)
	shake := func() error { return p.RespondV2Handshake(garbage, v2transport.BitcoinNet(wire.TestNet)) }
	if initiator {
		shake = func() error { return p.InitiateV2Handshake(garbage) }
	}
	if err := shake(); err != nil {
		return err
	}
	if err := p.CompleteHandshake(initiator, decoys, v2transport.BitcoinNet(wire.TestNet)); err != nil {
		return err
	}
	ping, err := p.V2ReceivePacket(nil)
	if err != nil {
		return err
	}
	if ping[0] != 18 {
		return io.ErrUnexpectedEOF
	}
	for _, contents := range [][]byte{append([]byte{19}, ping[1:]...), nil, append([]byte{0}, "sparkle\x00\x00\x00\x00\x00payload"...)} {
		if _, _, err := p.V2EncPacket(contents, nil, contents == nil); err != nil {
			return err
		}
	}
	return nil
}

func TestV1IsRecognisedByItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, peer := net.Pipe()
		c := running(t, near, false)
		raw := frame(t, wire.NewMsgPing(7))
		copy(raw[4:16], versionField)
		done := receive(c)
		for _, b := range raw[:prefixSize-1] {
			_, err := peer.Write([]byte{b})
			require.NoError(t, err)
		}
		synctest.Wait()
		require.Equal(t, Detecting, c.Session().Protocol)
		require.Zero(t, c.Stats().BytesSent, "a v1 peer must not see a key")
		_, err := peer.Write(raw[prefixSize-1 : prefixSize])
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, Session{Protocol: V1}, c.Session())
		_, err = peer.Write(raw[prefixSize:])
		require.NoError(t, err)
		require.NoError(t, <-done)
		require.Equal(t, map[string]uint64{"version": 32}, c.Stats().ReceivedPerType)
		require.NoError(t, c.Send("verack", nil))
		answer := make([]byte, headerSize)
		_, err = io.ReadFull(peer, answer)
		require.NoError(t, err)
		require.Equal(t, raw[:4], answer[:4])
		peer.Close()
		c.Close()
	})
}

// BIP324: the responder sends its key when it knows that the peer speaks v2, not
// before, and not later.
func TestKeyIsSentAtTheFirstDifference(t *testing.T) {
	for _, same := range []int{0, 4, prefixSize - 1} {
		synctest.Test(t, func(t *testing.T) {
			near, peer := net.Pipe()
			c := running(t, near, false)
			done := receive(c)
			head := append(frame(t, wire.NewMsgPing(1))[:4], versionField...)[:same]
			if same > 0 {
				_, err := peer.Write(head)
				require.NoError(t, err)
			}
			synctest.Wait()
			require.Zero(t, c.Stats().BytesSent)
			_, err := peer.Write([]byte{0xff})
			require.NoError(t, err)
			_, err = io.ReadFull(peer, make([]byte, keySize))
			require.NoError(t, err)
			peer.Close()
			require.Error(t, <-done)
			require.Equal(t, Detecting, c.Session().Protocol)
		})
	}
}

func TestHandshakeIsTold(t *testing.T) {
	near, far := sockets(t)
	told := make(chan struct{}, 2)
	c := New(near, Config{Net: wire.TestNet, Now: fixedNow, Outbound: true, V2: true,
		HandshakeSent: func() { told <- struct{}{} }})
	ended := make(chan error, 1)
	go func() { ended <- c.Run(context.Background()) }()
	done := receive(c)
	<-told
	b := running(t, far, false)
	require.NoError(t, b.Send("ping", nil))
	receive(b)
	require.NoError(t, <-done)
	c.Close()
	<-ended
	require.Empty(t, told, "once")
}

func TestWhoRefusesV2(t *testing.T) {
	tests := map[string]struct {
		outbound bool
		peer     func(net.Conn)
		refuses  bool
	}{
		"closes at our key": {true, func(nc net.Conn) {
			_, _ = io.ReadFull(nc, make([]byte, keySize))
			nc.Close()
		}, true},
		"answers with a byte": {true, func(nc net.Conn) {
			_, _ = io.ReadFull(nc, make([]byte, keySize))
			_, _ = nc.Write([]byte{0})
			_ = nc.(*net.TCPConn).CloseWrite()
		}, false},
		"sends nothing, inbound": {false, func(nc net.Conn) { nc.Close() }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			near, far := sockets(t)
			c := New(near, Config{Net: wire.TestNet, Now: fixedNow, Outbound: tt.outbound, V2: true})
			ended := make(chan error, 1)
			go func() { ended <- c.Run(context.Background()) }()
			done := receive(c)
			tt.peer(far)
			require.Error(t, <-done)
			c.Close()
			require.Error(t, <-ended)
			require.Equal(t, tt.refuses, c.RefusesV2())
		})
	}
	near, far := sockets(t)
	far.Close()
	c := New(near, Config{Net: wire.TestNet, Now: fixedNow, Outbound: true})
	_, err := c.Receive()
	require.Error(t, err)
	require.False(t, c.RefusesV2(), "one that speaks v1 anyway")
}

func TestGarbageIsOfAnyLength(t *testing.T) {
	lengths := map[int]bool{}
	for range 200 {
		n := len(randomGarbage())
		require.LessOrEqual(t, n, maxGarbage)
		lengths[n] = true
	}
	require.Greater(t, len(lengths), 50)
}
