package transport

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

func fixedNow() time.Time { return time.Unix(1700000000, 0) }

func pipe(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	a, b := net.Pipe()
	c := New(a, Config{Net: wire.TestNet, Now: fixedNow})
	t.Cleanup(func() { c.Close(); b.Close() })
	return c, b
}

// frame builds a v1 message by btcd's own encoder.
func frame(t testing.TB, m wire.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, wire.WriteMessage(&b, m, wire.ProtocolVersion, wire.TestNet))
	return b.Bytes()
}

func TestReceiveReadsWhatBtcdWrites(t *testing.T) {
	c, peer := pipe(t)
	raw := frame(t, wire.NewMsgPing(7))
	go peer.Write(raw)
	m, err := c.Receive()
	require.NoError(t, err)
	require.Equal(t, Message{Type: "ping", Payload: raw[24:], Size: 32}, m)
	require.Equal(t, map[string]uint64{"ping": 32}, c.Stats().ReceivedPerType)
	require.Equal(t, fixedNow().UnixNano(), c.Stats().LastReceive)
}

func TestSendWritesWhatBtcdReads(t *testing.T) {
	c, peer := pipe(t)
	done := make(chan error, 1)
	go func() { done <- c.Run(context.Background()) }()
	require.NoError(t, c.Send("ping", []byte{1, 0, 0, 0, 0, 0, 0, 0}))
	m, _, err := wire.ReadMessage(peer, wire.ProtocolVersion, wire.TestNet)
	require.NoError(t, err)
	require.Equal(t, wire.NewMsgPing(1), m)
	c.Close()
	require.Error(t, <-done)
	require.Equal(t, map[string]uint64{"ping": 32}, c.Stats().SentPerType)
	require.ErrorIs(t, c.Send("ping", nil), ErrClosed)
}

func TestFrameErrors(t *testing.T) {
	message := func(change func([]byte)) []byte {
		raw := frame(t, wire.NewMsgPing(1))
		copy(raw[4:16], "badmsg\x00\x00\x00\x00\x00\x00")
		change(raw)
		return raw
	}
	tests := []struct {
		name  string
		raw   []byte
		text  string
		fatal bool
	}{
		{"magic", message(func(b []byte) { copy(b, "\xff\xff\xff\xff") }),
			"Header error: Wrong MessageStart ffffffff received", true},
		{"size", message(func(b []byte) { copy(b[16:], "\x01\x09\x3d\x00") }),
			"Header error: Size too large (badmsg, 4000001 bytes)", true},
		{"checksum", message(func(b []byte) { copy(b[20:], "\xff\xff\xff\xff") }),
			"Header error: Wrong checksum (badmsg, 8 bytes), expected " +
				hex.EncodeToString(frame(t, wire.NewMsgPing(1))[20:24]) + " was ffffffff", false},
		{"type", message(func(b []byte) { copy(b[4:16], "bad\x00msg") }),
			"Header error: Invalid message type (bad, 8 bytes)", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, peer := pipe(t)
			go peer.Write(append(tt.raw, frame(t, wire.NewMsgPing(2))...))
			_, err := c.Receive()
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
			require.Equal(t, map[string]uint64{"ping": 32, Other: 32}, c.Stats().ReceivedPerType)
		})
	}
}

func TestUnknownTypeIsDeliveredAndCountedAsOther(t *testing.T) {
	c, peer := pipe(t)
	raw := frame(t, wire.NewMsgPing(1))
	copy(raw[4:16], "sparkle\x00\x00\x00\x00\x00")
	go peer.Write(raw)
	m, err := c.Receive()
	require.NoError(t, err)
	require.Equal(t, "sparkle", m.Type)
	require.Equal(t, map[string]uint64{Other: 32}, c.Stats().ReceivedPerType)
}

func TestHeaderAloneDoesNotAllocateItsPayload(t *testing.T) {
	header := frame(t, wire.NewMsgPing(1))[:24]
	copy(header[16:20], "\x00\x09\x3d\x00") // 4,000,000
	f, r := newV1(wire.TestNet), bufio.NewReader(nil)
	before := testing.AllocsPerRun(1, func() {})
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Reset(bytes.NewReader(header))
			_, err := f.read(r)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				b.Fatal(err)
			}
		}
	})
	require.Zero(t, before)
	require.Less(t, result.AllocedBytesPerOp(), int64(eagerAlloc+4096))
}

func TestLargePayloadArrivesWhole(t *testing.T) {
	c, peer := pipe(t)
	payload := bytes.Repeat([]byte("0123456789abcdef"), MaxPayload/16)
	raw := newV1(wire.TestNet).appendHeader(nil, Message{Type: "block", Payload: payload})
	go func() { peer.Write(raw); peer.Write(payload) }()
	m, err := c.Receive()
	require.NoError(t, err)
	require.True(t, bytes.Equal(payload, m.Payload))
}

func TestQueueCongestsDrainsAndRefuses(t *testing.T) {
	c, peer := pipe(t)
	require.ErrorIs(t, c.Send("block", make([]byte, MaxPayload+1)), ErrTooLarge)
	require.NoError(t, c.Send("block", make([]byte, SendSoftLimit)))
	require.True(t, c.Congested())
	var err error
	for range SendHardLimit / SendSoftLimit {
		if err = c.Send("block", make([]byte, SendSoftLimit)); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, ErrQueueFull)
	go c.Run(context.Background())
	go io.Copy(io.Discard, peer)
	<-c.Drained()
	require.False(t, c.Congested())
}

func TestRunEndsWithItsContext(t *testing.T) {
	c, peer := pipe(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	cancel()
	require.Error(t, <-done)
	_, err := peer.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestSanitize(t *testing.T) {
	require.Equal(t, "/Node:1.0(x)/", Sanitize("/Node:1.0(x)/\n\x00\xff%"))
	require.Empty(t, Sanitize(strings.Repeat("\x1b", 3)))
}
