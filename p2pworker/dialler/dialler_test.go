package dialler

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
)

// rig is a dialler on a bus, with a manager that has given worker.1 the order 1 to dial
// target.
type rig struct {
	t       *testing.T
	bus     *bustest.Bus
	docks   chan part.Dock
	stop    func()
	target  string
	greeted chan string // what was said to the target

	mu    sync.Mutex
	asked int // how often the manager was
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, bus: bustest.New(t), greeted: make(chan string, 10)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.target = l.Addr().String()
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			text, _ := io.ReadAll(c)
			c.Close()
			r.greeted <- string(text)
		}
	})
	t.Cleanup(func() {
		l.Close()
		accepting.Wait()
	})
	mux := bus.NewMux()
	msg.ShowDial.Handle(mux, func(_ context.Context, req p2p.ShowDialRequest) (p2p.DialOrder, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked++
		if req != (p2p.ShowDialRequest{Worker: "worker.1", Dial: 1}) {
			return p2p.DialOrder{}, bus.Errorf(msg.KindUnknownDial, "%s has no dial %d", req.Worker, req.Dial)
		}
		return p2p.DialOrder{ID: 1, Target: r.target, Kind: p2p.Manual}, nil
	})
	r.bus.Conn(roles.Peers, "peers", mux)
	r.start("dialler.1")
	return r
}

// start runs a dialler in place of the one before.
func (r *rig) start(name string) {
	if r.stop != nil {
		r.stop()
	}
	docks := make(chan part.Dock)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	env := part.Env{Name: name, Link: r.bus.Link(roles.Dialler, name), Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0), Docks: docks}
	go func() { done <- Run(ctx, env, Config{}) }()
	var once sync.Once
	r.docks, r.stop = docks, func() {
		once.Do(func() {
			cancel()
			require.NoError(r.t, <-done)
		})
	}
	r.t.Cleanup(r.stop)
}

// pair returns both ends of a dock.
func (r *rig) pair() (ends [2]*net.UnixConn) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	require.NoError(r.t, err)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "dock")
		c, err := net.FileConn(f)
		f.Close()
		require.NoError(r.t, err)
		ends[i] = c.(*net.UnixConn)
	}
	return ends
}

// dock gives a worker and the dialler one end each.
func (r *rig) dock(worker string, to chan<- part.Dock) {
	ends := r.pair()
	r.docks <- part.Dock{Peer: worker, Conn: ends[0]}
	to <- part.Dock{Peer: "dialler", Conn: ends[1]}
}

// client is a worker's, without a dock.
func (r *rig) client() (*Client, chan part.Dock) {
	docks := make(chan part.Dock)
	c := NewClient(docks)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	r.t.Cleanup(func() {
		cancel()
		<-done
	})
	return c, docks
}

// greet says a word to who is connected.
func (r *rig) greet(nc net.Conn, word string) {
	r.t.Helper()
	require.Equal(r.t, r.target, nc.RemoteAddr().String())
	_, err := nc.Write([]byte(word))
	require.NoError(r.t, err)
	require.NoError(r.t, nc.Close())
	require.Equal(r.t, word, <-r.greeted)
}

func TestAWorkerGetsTheConnectionOfItsOrder(t *testing.T) {
	r := newRig(t)
	c, docks := r.client()
	r.dock("worker.1", docks)
	order := p2p.DialOrder{ID: 1, Target: "somebody else"}
	ways, err := c.Find(t.Context(), order)
	require.NoError(t, err)
	require.Len(t, ways, 1)
	nc, err := c.Reach(t.Context(), ways[0])
	require.NoError(t, err)
	r.greet(nc, "hello")
	nc, err = c.Reach(t.Context(), ways[0])
	require.NoError(t, err)
	r.greet(nc, "again")
	_, err = c.Reach(t.Context(), ways[0])
	require.EqualError(t, err, "the dialler knows of no such order", "a way can be used twice")
	_, err = c.Find(t.Context(), order)
	require.NoError(t, err)
	require.Equal(t, 1, r.asked, "what was granted is not asked again")
	_, err = c.Reach(t.Context(), ways[0])
	require.Error(t, err, "finding a way again makes no new one of it")
}

// What a worker does not have is not dialled, whatever it says that is.
func TestOrdersOfOthersAreNotCarriedOut(t *testing.T) {
	r := newRig(t)
	c, docks := r.client()
	r.dock("worker.2", docks)
	_, err := c.Find(t.Context(), p2p.DialOrder{ID: 1, Target: r.target})
	require.ErrorContains(t, err, "worker.2 has no dial 1")
	_, err = c.Reach(t.Context(), Way{Host: "127.0.0.1", Port: 1, order: 1})
	require.EqualError(t, err, "the dialler knows of no such order")
	_, err = c.Reach(t.Context(), Way{order: 1, number: -7})
	require.EqualError(t, err, "the dialler knows of no such order")
}

func TestFailuresAreTold(t *testing.T) {
	r := newRig(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.target = free.Addr().String()
	free.Close()
	c, docks := r.client()
	r.dock("worker.1", docks)
	ways, err := c.Find(t.Context(), p2p.DialOrder{ID: 1})
	require.NoError(t, err)
	_, err = c.Reach(t.Context(), ways[0])
	require.ErrorContains(t, err, "connection refused")
}

// A worker waits for a dialler that is not there yet, and asks the next one what the one
// before did not answer.
func TestTheNextDiallerAnswers(t *testing.T) {
	r := newRig(t)
	c, docks := r.client()
	ends := r.pair()
	found := make(chan error, 1)
	go func() {
		_, err := c.Find(context.Background(), p2p.DialOrder{ID: 1})
		found <- err
	}()
	docks <- part.Dock{Conn: ends[1]}
	_, err := ends[0].Read(make([]byte, maxQuestion))
	require.NoError(t, err, "it was asked")
	ends[0].Close()
	r.start("dialler.2")
	r.dock("worker.1", docks)
	require.NoError(t, <-found)
}

func TestWaitingForADiallerEnds(t *testing.T) {
	r := newRig(t)
	c, docks := r.client()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Find(ctx, p2p.DialOrder{ID: 1})
	require.ErrorContains(t, err, "no dialler is there")
	ends := r.pair()
	docks <- part.Dock{Conn: ends[1]}
	defer ends[0].Close()
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		_, _ = ends[0].Read(make([]byte, maxQuestion))
		cancel()
	}()
	_, err = c.Find(ctx, p2p.DialOrder{ID: 1})
	require.ErrorIs(t, err, context.Canceled)
	c.mu.Lock()
	require.Empty(t, c.dock.waiting)
	c.mu.Unlock()
	c.Close()
	_, err = ends[0].Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "a worker that has its peer has no dock")
	ends = r.pair()
	docks <- part.Dock{Conn: ends[1]}
	_, err = ends[0].Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "nor gets another")
}

// Whoever breaks the rules of its dock loses it; others keep theirs.
func TestABadPacketCostsItsDock(t *testing.T) {
	r := newRig(t)
	c, docks := r.client()
	r.dock("worker.1", docks)
	for name, spoil := range map[string]func(*net.UnixConn) error{
		"no JSON":  func(c *net.UnixConn) error { _, err := c.Write([]byte("x")); return err },
		"too long": func(c *net.UnixConn) error { _, err := c.Write(make([]byte, maxQuestion+1)); return err },
		"a descriptor": func(c *net.UnixConn) error {
			_, _, err := c.WriteMsgUnix([]byte("{}"), unix.UnixRights(int(os.Stdin.Fd())), nil)
			return err
		},
		"two descriptors": func(c *net.UnixConn) error {
			_, _, err := c.WriteMsgUnix([]byte("{}"), unix.UnixRights(0, 1), nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ends := r.pair()
			defer ends[1].Close()
			r.docks <- part.Dock{Peer: "worker.9", Conn: ends[0]}
			require.NoError(t, spoil(ends[1]))
			_, err := ends[1].Read(make([]byte, maxAnswer))
			require.Error(t, err)
		})
	}
	_, err := c.Find(t.Context(), p2p.DialOrder{ID: 1})
	require.NoError(t, err)
}

// A dialler that may not read what the resolver's file was replaced by ends, and its
// successor looks up what it was asked.
func TestADiallerThatCannotLookUpAnyMoreEnds(t *testing.T) {
	r := newRig(t)
	mux := bus.NewMux()
	msg.ShowDial.Handle(mux, func(context.Context, p2p.ShowDialRequest) (p2p.DialOrder, error) {
		return p2p.DialOrder{ID: 1, Target: "localhost:1", Kind: p2p.Manual}, nil
	})
	b := bustest.New(t)
	b.Conn(roles.Peers, "peers", mux)
	conn, _ := b.Conn(roles.Dialler, "dialler", nil)
	blind := &dialler{conn: conn, system: NewSystem(Config{}, nil), sighted: func() bool { return false }}
	docks := make(chan part.Dock)
	ended := make(chan error, 1)
	go func() { ended <- blind.run(context.Background(), docks) }()
	c, arrive := r.client()
	ends := r.pair()
	docks <- part.Dock{Peer: "worker.1", Conn: ends[0]}
	arrive <- part.Dock{Conn: ends[1]}
	found := make(chan error, 1)
	go func() {
		_, err := c.Find(context.Background(), p2p.DialOrder{ID: 1})
		found <- err
	}()
	require.ErrorIs(t, <-ended, errReplaced)
	r.dock("worker.1", arrive)
	require.NoError(t, <-found)
}

// Who asks for what is not there all the time has no dock any more.
func TestAWorkerThatInventsOrdersLosesItsDock(t *testing.T) {
	r := newRig(t)
	ends := r.pair()
	defer ends[1].Close()
	r.docks <- part.Dock{Peer: "worker.9", Conn: ends[0]}
	buf := make([]byte, maxAnswer)
	answered := 0
	for {
		if send(ends[1], question{ID: 1, Order: 7, Way: findWays}, nil) != nil {
			break
		}
		if _, err := ends[1].Read(buf); err != nil {
			break
		}
		answered++
	}
	require.Equal(t, maxStrange, answered)
}
