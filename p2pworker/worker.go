package p2pworker

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/p2pworker/dialler"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

// errSpent ends a worker that was to have no connection after those that have ended.
var errSpent = errors.New("the last connection has ended")

// Run is the worker: it serves until ctx ends, the link to the broker is lost, or its last
// connection has ended, which is the first with capacity 1 and else a matter of orders.
func Run(ctx context.Context, env part.Env, cfg Config) error {
	w := newWorker(env, cfg.withDefaults())
	env.SetTitle("worker: idle")
	err := env.Serve(ctx, bus.NewMux(), nil, w.run)
	if errors.Is(err, errSpent) {
		return nil
	}
	return err
}

type worker struct {
	env    part.Env
	cfg    Config
	logs   map[string]*slog.Logger // by category
	conn   *bus.Conn
	group  *errgroup.Group
	random lockedRandom
	// dialler makes connections, client does so at its docks if there are any.
	dialler dialler.Dialler
	client  *dialler.Client
	// registering holds a token while a registration is under way.
	registering chan struct{}

	mu    sync.Mutex
	peers map[int64]*peer
	taken int // connections there are or are being made
	// released is closed, and replaced, when one of them has ended.
	released chan struct{}
	// listeners are interrupted when the last room is taken.
	listeners []deadliner
	nonceKey  []byte
	tip       p2p.Tip
	tipKnown  bool
	leaving   bool
	retired   bool // it takes no more connections, and leaves when it has none
	// used: a connection was admitted here. A process that has one only is sealed
	// then, and of no use for another, whichever attempt ends last.
	used bool
	// told counts the lists of connections that were made to register with: a
	// caller that failed for not being known needs to register only if nobody has
	// begun to since.
	told       int
	admissions admissions
	// spent is closed when the worker is to end: it is not needed, or had one connection.
	spent chan struct{}
}

func newWorker(env part.Env, cfg Config) *worker {
	w := &worker{
		env: env, cfg: cfg, peers: map[int64]*peer{}, spent: make(chan struct{}), released: make(chan struct{}),
		registering: make(chan struct{}, 1),
		logs:        map[string]*slog.Logger{"": env.Logger, "net": env.Logger.With("cat", "net")},
	}
	w.random.source = rand.NewChaCha8(seed())
	w.dialler = dialler.NewSystem(dialler.Config{DefaultPort: cfg.DefaultPort, NoDNS: cfg.NoDNS, ConnectTimeout: cfg.ConnectTimeout}, env.DialWithin)
	if env.Docks != nil {
		w.client = dialler.NewClient(env.Docks)
		w.dialler = w.client
	}
	return w
}

func seed() (s [32]byte) {
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = crand.Read(s[:])
	return s
}

// lockedRandom is a strong generator that many goroutines share.
type lockedRandom struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (r *lockedRandom) Uint64() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Uint64()
}

// run is the part's own function: everything it starts is joined here.
func (w *worker) run(ctx context.Context, conn *bus.Conn) error {
	w.conn = conn
	err := w.serveAll(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx) // what failed, failed for that
	}
	return err
}

func (w *worker) serveAll(ctx context.Context) error {
	conn := w.conn
	group, ctx := errgroup.WithContext(ctx)
	w.group = group
	listener := w.listener(ctx)
	events, err := w.watchNode(ctx).Join(ctx, listener, conn)
	if err != nil {
		return err
	}
	defer events.Close()
	if err := w.register(ctx, 0); err != nil {
		return err
	}
	group.Go(func() error { w.learnTip(ctx); return nil })
	if w.client != nil {
		group.Go(func() error { w.client.Run(ctx); return nil })
	}
	group.Go(func() error { return listener.Follow(ctx, events) })
	group.Go(func() error { return w.obey(ctx) })
	for _, l := range w.env.Listeners {
		group.Go(func() error { return w.accept(ctx, l) })
	}
	group.Go(func() error {
		select {
		case <-w.spent:
			return errSpent
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	return group.Wait()
}

// take reserves room for one connection.
func (w *worker) take() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full() {
		return false
	}
	w.taken++
	w.disarmAccept()
	return true
}

// takeAnyway counts a connection that is there already.
func (w *worker) takeAnyway() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken++
	w.disarmAccept()
}

// release gives room back; used tells that there was a connection in it.
func (w *worker) release(used bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken--
	close(w.released)
	w.released = make(chan struct{})
	w.used = w.used || used
	if w.cfg.Capacity == 1 && w.used || w.retired {
		w.leaveIfIdle()
	}
}

// full reports whether there is no room. The mutex is held.
func (w *worker) full() bool {
	return w.leaving || w.retired || w.cfg.Capacity == 1 && w.used || w.cfg.Capacity > 0 && w.taken >= w.cfg.Capacity
}

// leave ends a worker that is not needed, if it is idle; afterLast, as soon as it is.
func (w *worker) leave(afterLast bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if afterLast && !w.retired {
		w.retired = true
		w.disarmAccept()
		w.log("", fmt.Sprintf("%s takes no more connections, and ends with the last of %d", w.env.Name, w.taken))
	}
	w.leaveIfIdle()
}

// leaveIfIdle ends the worker if it has no connection and makes none. The mutex is held.
func (w *worker) leaveIfIdle() {
	if w.taken == 0 && !w.leaving {
		w.leaving = true
		close(w.spent)
	}
}

func (w *worker) peer(id int64) *peer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.peers[id]
}

func (w *worker) allPeers() []*peer {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*peer, 0, len(w.peers))
	for _, p := range w.peers {
		list = append(list, p)
	}
	return list
}

// add makes a connection hear of events. The tip may have changed since the
// session was made.
func (w *worker) add(p *peer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.place(p)
}

// place adds a connection. The mutex is held.
func (w *worker) place(p *peer) {
	w.peers[p.id] = p
	p.mail.put(session.TipChanged{Tip: w.tip})
}

func (w *worker) remove(p *peer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.peers, p.id)
}

// log writes a line of a category; "" is for unconditional ones.
func (w *worker) log(category, text string) {
	logger, level := w.logs[category], slog.LevelDebug
	if category == "" {
		level = slog.LevelInfo
	}
	if logger == nil {
		logger = w.env.Logger.With("cat", category)
	}
	logger.Log(context.Background(), level, text)
}

func (w *worker) logEnabled(category string) bool {
	if logger := w.logs[category]; logger != nil {
		return logger.Enabled(context.Background(), slog.LevelDebug)
	}
	return true
}

// closeLater closes c when ctx ends; the returned function undoes that.
func closeLater(ctx context.Context, c net.Conn) func() bool {
	return context.AfterFunc(ctx, func() { c.Close() })
}

// farewell bounds the calls that are made after a connection has ended.
const farewell = 5 * time.Second
