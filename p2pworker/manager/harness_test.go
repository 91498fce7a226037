package manager

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// ship is a manager on a bus, whose clock stands at mockTime and whose first
// order has the number 1.
type ship struct {
	*manager
	t   *testing.T
	bus *bustest.Bus
}

const mockTime = 1_700_000_000

func newShip(t *testing.T, cfg Config) *ship {
	t.Helper()
	if cfg.DataDir == "" {
		cfg.DataDir = t.TempDir()
	}
	m, err := newManager(part.Env{Logger: slog.New(slog.DiscardHandler), Clock: clock.New(mockTime)}, cfg.withDefaults())
	require.NoError(t, err)
	require.NoError(t, m.loadFiles())
	m.lastOrder = 0
	s := &ship{manager: m, t: t, bus: bustest.New(t)}
	files := bus.NewMux()
	keepFiles(t, files, cfg.DataDir)
	s.bus.Conn(roles.Supervisor, "files", files)
	m.conn, _ = s.bus.Conn(roles.Peers, "peers", m.mux())
	require.NoError(t, m.settle())
	return s
}

// keepFiles does as the supervisor does with the manager's files.
func keepFiles(t *testing.T, mux *bus.Mux, dir string) {
	msg.SavePeersFile.Handle(mux, func(_ context.Context, body msg.PeersFileBody) (bus.None, error) {
		require.Contains(t, FileNames(), body.Name)
		path := filepath.Join(dir, body.Name)
		if len(body.Attached) == 0 {
			return bus.None{}, os.Remove(path)
		}
		flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
		if body.At == 0 {
			flags |= os.O_TRUNC
		}
		f, err := os.OpenFile(path, flags, 0o600)
		if err != nil {
			return bus.None{}, err
		}
		_, err = f.Write(body.First())
		return bus.None{}, errors.Join(err, f.Close())
	})
}

// worker is one that has registered.
type worker struct {
	t    *testing.T
	conn *bus.Conn
	stop func()
	ack  uint64
}

func (s *ship) worker(name string, capacity int, open ...p2p.OpenInfo) *worker {
	s.t.Helper()
	w := &worker{t: s.t}
	w.conn, w.stop = s.bus.Conn(roles.Worker, name, bus.NewMux())
	_, err := msg.RegisterWorker.Call(s.t.Context(), w.conn, p2p.RegisterWorkerRequest{Capacity: capacity, Open: open})
	require.NoError(s.t, err)
	return w
}

// orders fetches what there is to do, and acknowledges it with the next call.
func (w *worker) orders() []p2p.WorkerOrder {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*msg.PollSeconds*time.Second)
	defer cancel()
	rep, err := msg.NextOrders.Call(ctx, w.conn, p2p.NextOrdersRequest{Ack: w.ack})
	require.NoError(w.t, err)
	for _, o := range rep.Orders {
		w.ack = o.Seq
	}
	return rep.Orders
}

func (w *worker) open(remote string, dial uint64) p2p.OpenPeerReply {
	w.t.Helper()
	rep, err := msg.OpenPeer.Call(w.t.Context(), w.conn, p2p.OpenPeerRequest{Dial: dial, Remote: remote, Local: "127.0.0.1:8333"})
	require.NoError(w.t, err)
	return rep
}

// accept opens an inbound connection that must not be refused, and introduces it.
func (w *worker) accept(remote string) int64 {
	w.t.Helper()
	rep := w.open(remote, 0)
	require.Empty(w.t, rep.Refused)
	_, err := msg.Of(p2p.IntroducePeer).Call(w.t.Context(), w.conn, p2p.IntroducePeerRequest{Peer: rep.Peer})
	require.NoError(w.t, err)
	return rep.Peer
}

func (w *worker) close(req p2p.ClosePeerRequest) {
	w.t.Helper()
	_, err := msg.ClosePeer.Call(w.t.Context(), w.conn, req)
	require.NoError(w.t, err)
}

// ask runs a command with its arguments as JSON.
func (s *ship) ask(name, params string) (any, error) {
	s.t.Helper()
	for _, c := range (commands{s.manager}).table() {
		if c.Name == name {
			call, err := rpc.NewCall(&c, params)
			require.NoError(s.t, err)
			result, err := c.Run(s.t.Context(), call)
			if err == nil {
				require.NoError(s.t, c.CheckResult(result))
			}
			return result, err
		}
	}
	require.Fail(s.t, "no such command", name)
	return nil, nil
}

// fails asserts that a command fails so.
func (s *ship) fails(code rpc.Code, text, name, params string) {
	s.t.Helper()
	_, err := s.ask(name, params)
	var e *rpc.Error
	require.ErrorAs(s.t, err, &e, "%s %s", name, params)
	require.Equal(s.t, code, e.Code)
	require.Equal(s.t, text, e.Message)
}

func (s *ship) succeeds(name, params string) any {
	s.t.Helper()
	result, err := s.ask(name, params)
	require.NoError(s.t, err, "%s %s", name, params)
	return result
}

// concurrently runs a call that waits, for a test in a bubble.
func concurrently[T any](ctx context.Context, fn func(context.Context) T) <-chan T {
	result := make(chan T, 1)
	go func() { result <- fn(ctx) }()
	return result
}

// registerAgain is what a worker does that has lost its place.
func (w *worker) registerAgain(open ...p2p.OpenInfo) {
	w.t.Helper()
	_, err := msg.RegisterWorker.Call(w.t.Context(), w.conn, p2p.RegisterWorkerRequest{Open: open})
	require.NoError(w.t, err)
}
