package link_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
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

// inbox is a handler that keeps what arrives.
type inbox chan [][]byte

func (b inbox) Receive(m *link.Message) {
	b <- append([][]byte{append([]byte{}, m.Head()...)}, m.Rest()...)
}
func (inbox) Idle() {}

// send queues a message and sees to its writing.
func send(l *link.Link, p link.Priority, head []byte, rest ...[]byte) error {
	var body []byte
	if len(rest) > 0 {
		body, rest = rest[0], rest[1:]
	}
	mine, err := l.Send(p, head, body, rest)
	if mine {
		l.Flush()
	}
	return err
}

// serve runs a link as the broker's side and returns the raw other end, what
// arrives, and how it ended.
func serve(t *testing.T, limits link.Limits) (net.Conn, *link.Link, <-chan [][]byte, <-chan error) {
	t.Helper()
	raw, ours := link.Pipe()
	l := link.New(ours, true, limits)
	arrived := make(inbox, 64)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- l.Run(ctx, arrived) }()
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
	require.NoError(t, send(l, link.Ordinary, []byte("after"), []byte("that")))
	after := make([]byte, 13)
	_, err = io.ReadFull(raw, after)
	require.NoError(t, err)
	require.Equal(t, "\x01\x05after\x00\x04that", string(after))
}

func TestAFullQueueIsSaidAndRoomIsWaitedFor(t *testing.T) {
	raw, l, _, _ := serve(t, link.Limits{QueueMessages: 4, QueueBytes: 8 << 20})
	shakeHands(t, raw)
	<-l.Ready()
	large := make([]byte, 1<<20)
	// Nobody reads: what the pipe holds is soon full.
	for range 4 {
		require.NoError(t, send(l, link.Ordinary, nil, large))
	}
	require.ErrorIs(t, send(l, link.Ordinary, nil, large), link.ErrFull)
	require.NoError(t, send(l, link.Reserved, nil, large), "what must not be lost has a reserve")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := l.SendWait(ctx, nil, large, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	room := make(chan error, 1)
	go func() {
		mine, err := l.SendWait(context.Background(), nil, large, nil)
		if mine {
			l.Flush()
		}
		room <- err
	}()
	go func() { _, _ = io.Copy(io.Discard, raw) }()
	require.NoError(t, <-room)
	require.NoError(t, l.Drain(t.Context()))
	require.Zero(t, l.Stats().QueueBytes)
	l.Close()
	require.ErrorIs(t, send(l, link.Ordinary, nil, large), link.ErrClosed)
}

// connections are the ways in which two links may be joined.
func connections(t *testing.T) map[string][2]net.Conn {
	t.Helper()
	a, b := link.Pipe()
	list := map[string][2]net.Conn{"memory": {a, b}}
	for network, address := range map[string]string{"unix": t.TempDir() + "/s", "tcp": "127.0.0.1:0"} {
		listener, err := net.Listen(network, address)
		require.NoError(t, err)
		c, err := net.Dial(network, listener.Addr().String())
		require.NoError(t, err)
		d, err := listener.Accept()
		require.NoError(t, err)
		listener.Close()
		list[network] = [2]net.Conn{c, d}
	}
	e, f := link.Pipe()
	list["wrapped"] = [2]net.Conn{struct{ net.Conn }{e}, struct{ net.Conn }{f}} // as an encrypted one
	return list
}

// forwarder passes on what arrives, as a broker does.
type forwarder struct {
	to    *link.Link
	dirty bool
}

func (f *forwarder) Receive(m *link.Message) {
	mine, _ := f.to.Forward(link.Reserved, m.Head(), m)
	f.dirty = f.dirty || mine
}

func (f *forwarder) Idle() {
	if f.dirty {
		f.dirty = false
		f.to.Flush()
	}
}

func TestMessagesArriveWholeAndInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sizes := []int{0, 1, 255, 256, 8191, 8192, 65535, 65536, 70000, 300_000, 1 << 20}
	var messages [][][]byte
	for range 150 {
		m := [][]byte{{byte(len(messages)), byte(len(messages) >> 8)}}
		for range 1 + random.IntN(4) {
			frame := make([]byte, sizes[random.IntN(len(sizes))])
			for i := 0; i < len(frame); i += 1 + random.IntN(4000) {
				frame[i] = byte(random.Uint32())
			}
			m = append(m, frame)
		}
		messages = append(messages, m)
	}
	first, second := connections(t), connections(t)
	for name := range first {
		t.Run(name, func(t *testing.T) {
			sender := link.New(first[name][0], false, link.Limits{})
			in := link.New(first[name][1], true, link.Limits{})
			out := link.New(second[name][0], true, link.Limits{})
			receiver := link.New(second[name][1], false, link.Limits{})
			ctx, cancel := context.WithCancel(t.Context())
			got := make(inbox, 8)
			var links sync.WaitGroup
			for l, h := range map[*link.Link]link.Handler{sender: make(inbox), in: &forwarder{to: out}, out: make(inbox), receiver: got} {
				links.Go(func() { _ = l.Run(ctx, h) })
			}
			links.Go(func() {
				for _, m := range messages {
					mine, err := sender.SendWait(ctx, m[0], m[1], m[2:])
					if err != nil {
						return
					}
					if mine {
						sender.Flush()
					}
				}
			})
			for i, want := range messages {
				m := <-got
				require.Len(t, m, len(want), "message %d", i)
				for j := range want {
					require.True(t, bytes.Equal(want[j], m[j]), "message %d, frame %d of %d bytes", i, j, len(want[j]))
				}
			}
			cancel()
			links.Wait()
		})
	}
}

func TestASilentPeerIsPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw, ours := link.Pipe()
		defer raw.Close()
		l := link.New(ours, true, link.Limits{Heartbeat: time.Second})
		ended := make(chan error, 1)
		go func() { ended <- l.Run(t.Context(), make(inbox)) }()
		shakeHands(t, raw)
		began := time.Now()
		ping := make([]byte, 9)
		_, err := io.ReadFull(raw, ping)
		require.NoError(t, err)
		require.Equal(t, "\x04\x07\x04PING\x00\x00", string(ping))
		require.Equal(t, time.Second, time.Since(began))
		_, err = raw.Write([]byte("\x04\x05\x04PONG"))
		require.NoError(t, err)
		_, err = io.ReadFull(raw, ping)
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(began), "again, a second after the answer")
		require.NoError(t, raw.Close())
		require.NoError(t, <-ended, "its end is in order")
	})
}
