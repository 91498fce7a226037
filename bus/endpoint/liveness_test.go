package endpoint

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/secure"
)

// line is a slow line between a part and an endpoint, which can be cut.
type line struct {
	addr Address
	cut  chan struct{}
}

const lineChunk = 16 << 10

// testSilence is long enough for a busy machine, which may let a goroutine wait.
const testSilence = 3 * time.Second

// newLine passes on what comes, a chunk in each pause, to the target, until ctx
// ends.
func newLine(ctx context.Context, t *testing.T, tasks *sync.WaitGroup, target string, pause time.Duration) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &line{addr: Address{Network: "tcp", Target: l.Addr().String()}, cut: make(chan struct{})}
	context.AfterFunc(ctx, func() { l.Close() })
	tasks.Go(func() {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", target)
		if err != nil {
			near.Close()
			return
		}
		for _, nc := range []net.Conn{near, far} {
			_ = nc.(*net.TCPConn).SetReadBuffer(lineChunk)
			_ = nc.(*net.TCPConn).SetWriteBuffer(lineChunk)
			context.AfterFunc(ctx, func() { nc.Close() })
		}
		tasks.Go(func() { w.pass(ctx, far, near, pause) })
		tasks.Go(func() { w.pass(ctx, near, far, pause) })
	})
	return w
}

// pass copies until an end closes; once the line is cut nothing arrives any
// more, the end of the other side neither.
func (w *line) pass(ctx context.Context, to, from net.Conn, pause time.Duration) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, lineChunk)
	for {
		n, err := from.Read(buf)
		select {
		case <-w.cut:
			<-ctx.Done()
			return
		default:
		}
		if err != nil {
			return
		}
		<-time.After(pause)
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// pair is an endpoint with a node behind it and a part at the end of a line.
type pair struct {
	part  *bus.Conn
	ended chan error
	line  *line
}

// anyKey lets every key be a worker's.
type anyKey struct{}

func (anyKey) Refresh() error                                         { return nil }
func (anyKey) Lookup(secure.PublicKey) (rights.Role, bool)            { return roles.Worker, true }
func (anyKey) Owner(rights.Role, string) (k secure.PublicKey, _ bool) { return k, false }

// newPair runs a node that serves one block of 4 MiB and takes blocks.
func newPair(t *testing.T, silence, pause time.Duration) *pair {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		tasks.Wait()
	})
	b := broker.New(broker.Config{Table: bustest.Table()})
	mux := bus.NewMux()
	block := make([]byte, 4<<20)
	msg.Of(p2p.FetchBlock).Handle(mux, func(context.Context, p2p.FetchBlockRequest) (p2p.FetchReply, error) {
		return p2p.FetchReply{Found: true, Frames: bus.Frames{Attached: [][]byte{block}}}, nil
	})
	msg.Of(p2p.SubmitBlock).Handle(mux, func(_ context.Context, req p2p.SubmitBlockRequest) (p2p.SubmitReply, error) {
		return p2p.SubmitReply{New: len(req.Attached[0]) == len(block)}, nil
	})
	theirs, ours := link.Pipe()
	tasks.Go(func() { _ = b.Serve(ctx, ours, broker.Identity{Role: roles.Node, Instance: "node"}) })
	node := bus.New(theirs, bus.Config{Mux: mux})
	tasks.Go(func() { _ = node.Run(ctx) })
	<-node.Ready()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	limits := FarLimits()
	limits.Heartbeat = silence / 3
	key := secure.Generate()
	e := New(Config{Listeners: []net.Listener{l}, Key: key, Keys: anyKey{}, Broker: b, Limits: &limits, Silence: silence, Logger: slog.New(slog.DiscardHandler)})
	tasks.Go(func() { e.Run(ctx) })
	p := &pair{line: newLine(ctx, t, &tasks, l.Addr().String(), pause), ended: make(chan error, 1)}
	conn, err := p.line.addr.attach(ctx, secure.ClientConfig{Key: secure.Generate(), Server: key.Public()}, silence)
	require.NoError(t, err)
	p.part = bus.New(conn, bus.Config{Limits: limits})
	tasks.Go(func() { p.ended <- p.part.Run(ctx) })
	<-p.part.Ready()
	return p
}

// TestASlowLineIsNotACutOne: blocks take several times the silence in either
// direction.
func TestASlowLineIsNotACutOne(t *testing.T) {
	p := newPair(t, testSilence, 32*time.Millisecond)
	began := time.Now()
	down, err := msg.Of(p2p.FetchBlock).Call(t.Context(), p.part, p2p.FetchBlockRequest{})
	require.NoError(t, err)
	require.Len(t, down.Attached[0], 4<<20)
	t.Logf("4 MiB took %d ms down", time.Since(began).Milliseconds())
	began = time.Now()
	up, err := msg.Of(p2p.SubmitBlock).Call(t.Context(), p.part, p2p.SubmitBlockRequest{Frames: down.Frames})
	require.NoError(t, err)
	require.True(t, up.New)
	t.Logf("and %d ms up", time.Since(began).Milliseconds())
}

func TestACutLineIsNoticed(t *testing.T) {
	p := newPair(t, testSilence, 0)
	_, err := msg.Of(p2p.FetchBlock).Call(t.Context(), p.part, p2p.FetchBlockRequest{})
	require.NoError(t, err)
	close(p.line.cut)
	_, err = msg.Of(p2p.FetchBlock).Call(t.Context(), p.part, p2p.FetchBlockRequest{})
	require.ErrorIs(t, err, bus.ErrClosed)
	var silent *SilenceError
	require.True(t, errors.As(<-p.ended, &silent))
	require.GreaterOrEqual(t, silent.For, testSilence)
}
