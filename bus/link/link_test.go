package link_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bulkheadnode/bulkhead/bus/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// greeting is a ZMTP 3.0 greeting with mechanism NULL (RFC 23).
func greeting() []byte {
	g := make([]byte, 64)
	g[0], g[9], g[10] = 0xff, 0x7f, 3
	copy(g[12:], "NULL")
	return g
}

// ready is the READY command of a DEALER.
func ready() []byte {
	body := append([]byte("\x05READY\x0bSocket-Type"), 0, 0, 0, 6)
	body = append(body, "DEALER"...)
	return append([]byte{0x04, byte(len(body))}, body...)
}

// serve runs a link as the broker's side and returns the raw other end, what
// arrives, and how it ended.
func serve(t *testing.T, limits link.Limits) (net.Conn, *link.Link, <-chan link.Message, <-chan error) {
	t.Helper()
	raw, ours := link.Pipe()
	l := link.New(ours, true, limits)
	arrived := make(chan link.Message, 64)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- l.Run(ctx, func(m link.Message) { arrived <- m }) }()
	t.Cleanup(func() {
		cancel()
		raw.Close()
	})
	return raw, l, arrived, ended
}

func shakeHands(t *testing.T, raw net.Conn) {
	t.Helper()
	_, err := raw.Write(append(greeting(), ready()...))
	require.NoError(t, err)
	reply := make([]byte, 64)
	_, err = io.ReadFull(raw, reply)
	require.NoError(t, err)
	head := make([]byte, 2)
	_, err = io.ReadFull(raw, head)
	require.NoError(t, err)
	_, err = io.ReadFull(raw, make([]byte, head[1]))
	require.NoError(t, err)
}

func longHead(flags byte, size uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{flags | 0x02}, size)
}

func TestHostileFramesEndTheLinkBeforeMemoryIsReserved(t *testing.T) {
	limits := link.Limits{FrameBytes: 1 << 20, MessageBytes: 1 << 21, Frames: 8}
	var tooMany, tooMuch []byte
	for range 9 {
		tooMany = append(tooMany, 0x01, 0x01, 'x')
	}
	for range 3 {
		tooMuch = append(tooMuch, longHead(0x01, 1<<20)...)
		tooMuch = append(tooMuch, make([]byte, 1<<20)...)
	}
	for name, frames := range map[string][]byte{
		"a frame of 2^62 bytes":  longHead(0, 1<<62),
		"a frame over the limit": longHead(0, 1<<20+1),
		"too many frames":        tooMany,
		"too large a message":    tooMuch,
	} {
		t.Run(name, func(t *testing.T) {
			raw, _, _, ended := serve(t, limits)
			shakeHands(t, raw)
			go func() { _, _ = raw.Write(frames) }()
			var limit *link.LimitError
			require.ErrorAs(t, <-ended, &limit)
		})
	}
	for name, frames := range map[string][]byte{
		"reserved flags":             {0x80, 0x00},
		"a command inside":           {0x01, 0x01, 'x', 0x04, 0x00},
		"half a frame, then silence": {0x00, 0x05, 'x'},
	} {
		t.Run(name, func(t *testing.T) {
			raw, _, _, ended := serve(t, limits)
			shakeHands(t, raw)
			_, err := raw.Write(frames)
			require.NoError(t, err)
			raw.Close()
			require.Error(t, <-ended)
		})
	}
}

func TestHostileHandshakesAreRefused(t *testing.T) {
	huge := append(greeting(), longHead(0x04, 1<<40)...)
	malformed := append(greeting(), 0x04, 0x09)
	malformed = append(malformed, "\x05READY\xff\xff\xff"...)
	for name, bytes := range map[string][]byte{
		"not ZMTP":             []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n.............................."),
		"a command of 2^40":    huge,
		"malformed properties": malformed,
	} {
		t.Run(name, func(t *testing.T) {
			raw, _, _, ended := serve(t, link.Limits{})
			_, err := raw.Write(bytes)
			require.NoError(t, err)
			require.Error(t, <-ended)
		})
	}
	t.Run("silence", func(t *testing.T) {
		_, _, _, ended := serve(t, link.Limits{Handshake: 20 * time.Millisecond})
		require.Error(t, <-ended)
	})
}

func TestAPingIsAnsweredBetweenMessages(t *testing.T) {
	raw, l, _, _ := serve(t, link.Limits{})
	shakeHands(t, raw)
	_, err := raw.Write([]byte("\x04\x0a\x04PING\x00\x64ctx"))
	require.NoError(t, err)
	pong := make([]byte, 10)
	_, err = io.ReadFull(raw, pong)
	require.NoError(t, err)
	require.Equal(t, "\x04\x08\x04PONGctx", string(pong))
	require.NoError(t, l.Send(link.Message{[]byte("after")}))
	after := make([]byte, 7)
	_, err = io.ReadFull(raw, after)
	require.NoError(t, err)
	require.Equal(t, "\x00\x05after", string(after))
}

func TestAFullQueueIsSaidAndRoomIsWaitedFor(t *testing.T) {
	raw, l, _, _ := serve(t, link.Limits{QueueMessages: 4, QueueBytes: 4 << 20})
	shakeHands(t, raw)
	<-l.Ready()
	large := link.Message{make([]byte, 1<<20)}
	// Nobody reads: what the pipe and the writer's buffer hold is soon full.
	for range 4 {
		require.NoError(t, l.Send(large))
	}
	require.ErrorIs(t, l.Send(large), link.ErrFull)
	require.NoError(t, l.SendReserved(large), "what must not be lost has a reserve")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, l.SendWait(ctx, large), context.DeadlineExceeded)
	room := make(chan error, 1)
	go func() { room <- l.SendWait(context.Background(), large) }()
	go func() { _, _ = io.Copy(io.Discard, raw) }()
	require.NoError(t, <-room)
	require.NoError(t, l.Flush(t.Context()))
	require.Zero(t, l.Stats().QueueBytes)
	l.Close()
	require.ErrorIs(t, l.Send(large), link.ErrClosed)
}

func TestMessagesArriveWholeAndInOrder(t *testing.T) {
	a, b := link.Pipe()
	left, right := link.New(a, true, link.Limits{}), link.New(b, false, link.Limits{})
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan link.Message, 1000)
	done := make(chan error, 2)
	go func() { done <- left.Run(ctx, func(m link.Message) { got <- m }) }()
	go func() { done <- right.Run(ctx, func(link.Message) {}) }()
	for i := range 1000 {
		require.NoError(t, right.SendWait(t.Context(), link.Message{{byte(i), byte(i >> 8)}, make([]byte, i), {}}))
	}
	for i := range 1000 {
		m := <-got
		require.Len(t, m, 3)
		require.Equal(t, []byte{byte(i), byte(i >> 8)}, m[0])
		require.Len(t, m[1], i)
	}
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			require.True(t, errors.Is(err, io.ErrClosedPipe), err)
		}
	}
}
