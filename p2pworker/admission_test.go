package p2pworker

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

// slowManager stands for the manager: each admission is answered when the test
// says so.
type slowManager struct {
	asked      chan string               // the remote address of a connection
	answers    chan p2p.OpenPeerReply    // to them
	orders     chan p2p.WorkerOrder      // to be handed out one by one
	acked      atomic.Uint64             // the last order that was carried out
	closed     chan p2p.ClosePeerRequest // connections that have ended
	registered chan int                  // how many connections the worker brought
}

func newSlowManager(b *bustest.Bus) (m *slowManager, stop func()) {
	m = &slowManager{asked: make(chan string, 8), answers: make(chan p2p.OpenPeerReply), orders: make(chan p2p.WorkerOrder),
		closed: make(chan p2p.ClosePeerRequest, 8), registered: make(chan int, 8)}
	known := make(chan struct{})
	mux := bus.NewMux()
	msg.RegisterWorker.Handle(mux, func(_ context.Context, req p2p.RegisterWorkerRequest) (p2p.RegisterWorkerReply, error) {
		m.registered <- len(req.Open)
		close(known)
		return p2p.RegisterWorkerReply{NonceKey: make([]byte, 32)}, nil
	})
	msg.NextOrders.Handle(mux, func(ctx context.Context, req p2p.NextOrdersRequest) (p2p.NextOrdersReply, error) {
		select {
		case <-known:
		default:
			return p2p.NextOrdersReply{}, unknownWorker
		}
		m.acked.Store(req.Ack)
		select {
		case o := <-m.orders:
			return p2p.NextOrdersReply{Orders: []p2p.WorkerOrder{o}}, nil
		case <-ctx.Done():
			return p2p.NextOrdersReply{}, context.Cause(ctx)
		}
	})
	msg.OpenPeer.Handle(mux, func(ctx context.Context, req p2p.OpenPeerRequest) (p2p.OpenPeerReply, error) {
		m.asked <- req.Remote
		select {
		case reply := <-m.answers:
			return reply, nil
		case <-ctx.Done():
			return p2p.OpenPeerReply{}, context.Cause(ctx)
		}
	})
	msg.ClosePeer.Handle(mux, func(_ context.Context, req p2p.ClosePeerRequest) (bus.None, error) {
		m.closed <- req
		return bus.None{}, nil
	})
	_, stop = b.Conn(roles.Peers, "peers", mux)
	return m, stop
}

// startAcceptor runs a worker that accepts connections at the address it returns.
func startAcceptor(t *testing.T, b *bustest.Bus) string {
	return startReleasing(t, b, func(int64) error { return nil })
}

// startReleasing is startAcceptor with what the node answers when a peer is given up.
func startReleasing(t *testing.T, b *bustest.Bus, release func(peer int64) error) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	mux := bus.NewMux()
	msg.GetTip.Handle(mux, func(context.Context, bus.None) (p2p.Tip, error) { return p2p.Tip{}, nil })
	msg.Of(p2p.ReleasePeer).Handle(mux, func(_ context.Context, r p2p.ReleaseRequest) (p2p.Done, error) {
		return p2p.Done{}, release(r.Peer)
	})
	b.Conn(roles.Node, "node", mux)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	env := part.Env{Name: "worker.1", Link: b.Link(roles.Worker, "worker.1"), Logger: slog.New(slog.DiscardHandler),
		Clock: clock.New(0), Listeners: []net.Listener{l}}
	go func() { done <- Run(ctx, env, Config{Net: wire.TestNet}) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return l.Addr().String()
}

func connect(t *testing.T, address string) net.Conn {
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestAnOrderOvertakesTheAdmission(t *testing.T) {
	b := bustest.New(t)
	m, _ := newSlowManager(b)
	address := startAcceptor(t, b)
	connect(t, address)
	<-m.asked
	m.orders <- p2p.WorkerOrder{Seq: 1, Disconnect: &p2p.DisconnectOrder{Peer: 7, Reason: "banned"}}
	// The next order is fetched when the first was carried out.
	m.orders <- p2p.WorkerOrder{Seq: 2, Ping: &p2p.PingOrder{}}
	require.EqualValues(t, 1, m.acked.Load())
	m.answers <- p2p.OpenPeerReply{Peer: 7, Kind: p2p.Inbound}
	end := <-m.closed
	require.EqualValues(t, 7, end.Peer)
	require.Equal(t, "banned", end.Reason)
}

// A node that has no room for a call is told all the same that a peer is gone: what it
// keeps for the peer it would keep until our link ends.
func TestABusyNodeIsToldOfThePeersEnd(t *testing.T) {
	b := bustest.New(t)
	m, _ := newSlowManager(b)
	calls, released := 0, make(chan int64, 8)
	address := startReleasing(t, b, func(peer int64) error {
		if calls++; calls < 4 {
			return bus.Errorf(bus.KindOverloaded, "too many calls in progress")
		}
		released <- peer
		return nil
	})
	c := connect(t, address)
	<-m.asked
	m.answers <- p2p.OpenPeerReply{Peer: 7, Kind: p2p.Inbound}
	c.Close()
	require.EqualValues(t, 7, <-released)
	require.EqualValues(t, 7, (<-m.closed).Peer)
}

func TestAnOrderForNobodyIsNotKept(t *testing.T) {
	b := bustest.New(t)
	m, _ := newSlowManager(b)
	address := startAcceptor(t, b)
	first := connect(t, address)
	<-m.asked
	m.orders <- p2p.WorkerOrder{Seq: 1, Disconnect: &p2p.DisconnectOrder{Peer: 8, Reason: "banned"}}
	m.orders <- p2p.WorkerOrder{Seq: 2, Ping: &p2p.PingOrder{}}
	m.answers <- p2p.OpenPeerReply{Refused: "full"}
	_, err := first.Read(make([]byte, 1))
	require.Error(t, err, "refused")
	second := connect(t, address)
	<-m.asked
	m.answers <- p2p.OpenPeerReply{Peer: 8, Kind: p2p.Inbound}
	second.Close()
	require.Equal(t, "socket closed", (<-m.closed).Reason, "not that of an order for another connection")
}

// What one manager admits while the next is told of the worker's connections does
// not live on unknown to it, under a number that it may give to another.
func TestAManagerIsReplacedDuringAnAdmission(t *testing.T) {
	w := newWorker(part.Env{Name: "worker.1", Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}, Config{}.withDefaults())
	b := bustest.New(t)
	m, _ := newSlowManager(b)
	w.conn, _ = b.Conn(roles.Worker, w.env.Name, bus.NewMux())
	go func() { m.answers <- p2p.OpenPeerReply{Peer: 7, Kind: p2p.Inbound} }()
	a, err := w.admit(t.Context(), p2p.OpenPeerRequest{Remote: "127.0.0.1:1"})
	require.NoError(t, err)
	defer a.close()
	require.NoError(t, w.register(t.Context(), 0))
	require.Zero(t, <-m.registered)
	require.False(t, a.enter(&peer{id: 7, mail: mailbox{wake: make(chan struct{}, 1)}}))
	require.Nil(t, w.peer(7))

	// The next admission is the new manager's.
	go func() { m.answers <- p2p.OpenPeerReply{Peer: 7, Kind: p2p.Inbound} }()
	next, err := w.admit(t.Context(), p2p.OpenPeerRequest{Remote: "127.0.0.1:1"})
	require.NoError(t, err)
	defer next.close()
	p := &peer{id: 7, mail: mailbox{wake: make(chan struct{}, 1)}}
	require.True(t, next.enter(p))
	require.Same(t, p, w.peer(7))
}

// A worker of one connection, which is sealed with it, ends when that has, though
// another attempt was under way and ends later.
func TestASealedWorkerEndsWithItsConnection(t *testing.T) {
	w := newWorker(part.Env{Name: "worker.1", Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}, Config{Capacity: 1}.withDefaults())
	require.True(t, w.take()) // a dial
	w.takeAnyway()            // Accept had returned already
	w.release(true)           // the accepted one, which was admitted
	require.False(t, w.take(), "nothing else can be opened")
	w.release(false) // the dial fails
	<-w.spent
}

// Early orders are bounded, whomever they are for.
func TestEarlyOrdersAreBounded(t *testing.T) {
	a := admissions{underWay: 1}
	for i := range 2 * maxEarly {
		a.hold(int64(i%3), session.PingNow{})
	}
	kept := 0
	for id := range int64(3) {
		kept += len(a.take(id))
	}
	require.Equal(t, maxEarly, kept)
	a.forget()
	a.hold(1, session.PingNow{})
	require.Len(t, a.take(1), 1)
}

// A worker that is to end after its last connection takes no more, and ends with it; one
// that has none ends at once.
func TestAWorkerThatIsTooMany(t *testing.T) {
	w := newWorker(part.Env{Name: "worker.1", Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}, Config{}.withDefaults())
	require.True(t, w.take())
	require.True(t, w.take())
	w.leave(false)
	require.False(t, w.leaving, "it is not idle")
	w.leave(true)
	require.False(t, w.take())
	w.takeAnyway() // Accept had returned already
	w.release(true)
	w.release(true)
	require.False(t, w.leaving)
	w.release(true)
	<-w.spent
	w = newWorker(part.Env{Name: "worker.2", Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}, Config{}.withDefaults())
	w.leave(true)
	<-w.spent
}
