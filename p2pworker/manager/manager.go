package manager

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/presence"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/asmap"
	"github.com/bulkheadnode/bulkhead/p2pworker/banlist"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

const (
	// tickInterval is how often what is due by time is looked at.
	tickInterval = 250 * time.Millisecond
	// saveInterval is how often the address book is written.
	saveInterval = 15 * time.Minute
)

// Run is the manager: it serves until ctx ends or the link to the broker is
// lost.
func Run(ctx context.Context, env part.Env, cfg Config) error {
	m, err := newManager(env, cfg.withDefaults())
	if err != nil {
		return err
	}
	if err := m.loadFiles(); err != nil {
		return err
	}
	env.SetTitle("peers")
	return env.Serve(ctx, m.mux(), commands{m}.table(), m.run)
}

// manager is the state behind the handlers.
type manager struct {
	env part.Env
	cfg Config
	net *slog.Logger
	// addrman is for what becomes of addresses.
	addrman *slog.Logger
	conn    *bus.Conn

	asmap *asmap.Map // nil for none

	mu       sync.Mutex // guards the fields below
	random   *rand.ChaCha8
	roster   *roster.Roster
	bans     banlist.List
	grants   []grant
	nonceKey [32]byte
	facts    map[int64]*facts
	dialling map[uint64]chan struct{}
	partial  bool // the node lacked old blocks when it was last asked
	keeper
	ordering
	links
	addresses
	anchors
	lookout
	seedNodes
	reporting
	idleWorkers
	private private
	uploads uploads
	own     []ownEndpoint // where we can be found
	// dialsI2P wakes who waits to ask the router again.
	dialsI2P chan struct{}
	traffic
	history
	files
	// Bytes of connections that are closed.
	closedSent, closedReceived uint64
}

// ordering is what workers have to do. Orders are numbered over all workers and
// registrations, and from the time on, so that the numbers are above those of an
// earlier manager: what a worker acknowledges of an earlier registration is none
// of the orders since.
type ordering struct {
	queues    map[string]*orderQueue
	lastOrder uint64
}

// links are those of workers, as the watch has told of them.
type links struct {
	watch *presence.Watch
	there map[string]bool // by instance
	reunion
}

// addresses are those that are known, and those that are told.
type addresses struct {
	book   *addrbook.Book
	gossip map[p2p.Endpoint]gossipCache
	// relaySeed decides whom addresses are passed on to.
	relaySeed maphash.Seed
	// proxyFailed is when a proxy was last found to be away, nextFeeler when an address
	// is to be tried for the book's sake.
	proxyFailed, nextFeeler time.Time
}

// reporting is the questions to workers that are not answered yet.
type reporting struct {
	reports   map[uint64]*reportRound
	reportID  uint64
	freshened time.Time // when all were last asked, to choose whom to drop
}

// idleWorkers is the asking for workers, where each connection has its own.
type idleWorkers struct {
	spawning int // workers that were asked for and have not registered
	lastAsk  time.Time
	spare    bool          // all connections are to be shared: who waits for one may leave
	leavers  []string      // workers that are too many, by the plan
	wake     chan struct{} // makes the goroutine that asks look again
}

// facts are what is kept about a connection beside the roster.
type facts struct {
	permissions p2p.Permissions
	services    wire.ServiceFlag // that it told of
	sees        p2p.Endpoint     // us as it says
	sent        uint64           // to it, as far as it was told
	report      p2p.PeerReport
	reported    bool
	// epochs is how much higher the epochs of its meters are than those of others: an
	// earlier manager, by whose clock it was later, has begun them.
	epochs uint64
}

func newManager(env part.Env, cfg Config) (*manager, error) {
	grants, err := parseGrants(cfg)
	if err != nil {
		return nil, err
	}
	m := &manager{
		env: env, cfg: cfg, net: env.Logger.With("cat", "net"), addrman: env.Logger.With("cat", "addrman"), grants: grants,
		roster:      roster.New(cfg.limits()),
		facts:       map[int64]*facts{},
		dialling:    map[uint64]chan struct{}{},
		ordering:    ordering{queues: map[string]*orderQueue{}, lastOrder: uint64(time.Now().UnixMicro())},
		addresses:   addresses{gossip: map[p2p.Endpoint]gossipCache{}, relaySeed: maphash.MakeSeed()},
		reporting:   reporting{reports: map[uint64]*reportRound{}},
		private:     private{failed: map[p2p.NetworkID]time.Time{}},
		idleWorkers: idleWorkers{wake: make(chan struct{}, 1)},
		traffic:     newTraffic(cfg),
		history:     history{news: make(chan p2p.PeerClosedEvent, maxNews), noting: make(chan struct{}, 1)},
		dialsI2P:    make(chan struct{}, 1),
	}
	m.roster.NumberDialsFrom(m.lastOrder)
	var seed [32]byte
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = crand.Read(seed[:])
	_, _ = crand.Read(m.nonceKey[:])
	m.random = rand.NewChaCha8(seed)
	if m.asmap, err = cfg.systems(); err != nil {
		return nil, err
	}
	m.bans.System = m.asmap.System
	m.book = addrbook.New(cfg.bookKey(), m.groups())
	m.uploads.limit = cfg.UploadTarget
	m.own = cfg.ownEndpoints()
	m.links = links{watch: m.watchWorkers(), there: map[string]bool{}}
	if cfg.NetworkInactive {
		m.roster.SetActive(false)
	}
	for _, target := range append(append([]string{}, cfg.Connect...), cfg.AddNode...) {
		m.roster.AddTarget(target, cfg.speaksV2())
	}
	if len(cfg.Kept) > 0 {
		m.restore(cfg.Kept)
	}
	m.recall(cfg.Past)
	return m, nil
}

func (m *manager) mux() *bus.Mux {
	mux := bus.NewMux()
	msg.RegisterWorker.Handle(mux, registrar{m}.register)
	msg.NextOrders.Handle(mux, registrar{m}.nextOrders)
	msg.OpenPeer.Handle(mux, m.openPeer)
	msg.ShowDial.Handle(mux, m.showDial)
	msg.DialFailed.Handle(mux, m.dialFailed)
	msg.Of(p2p.IntroducePeer).Handle(mux, m.introducePeer)
	msg.ClosePeer.Handle(mux, m.closePeer)
	msg.ReportPeers.Handle(mux, m.takeReport)
	msg.Of(p2p.RelayTxs).Handle(mux, m.relayTxs)
	msg.Of(p2p.ProtectPeer).Handle(mux, m.protectPeer)
	msg.LeaseTraffic.Handle(mux, m.leaseTraffic)
	msg.CaptureMessage.Handle(mux, m.captureMessage)
	msg.Of(p2p.AddAddresses).Handle(mux, gossiper{m}.addAddresses)
	msg.Of(p2p.CountUpload).Handle(mux, m.countUpload)
	msg.Of(p2p.SelfAddress).Handle(mux, m.selfAddress)
	msg.Of(p2p.GetAddresses).Handle(mux, gossiper{m}.getAddresses)
	return mux
}

func (m *manager) now() time.Time { return m.env.Clock.Now() }

// changed makes the goroutine that asks for workers look again. It never
// blocks.
func (m *manager) changed() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// errStarting is what a command meets that comes before run has the link.
var errStarting = errors.New("the connection manager is starting")

// link returns the link to the bus for who is not of run.
func (m *manager) link() (*bus.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn == nil {
		return nil, errStarting
	}
	return m.conn, nil
}

func (m *manager) run(ctx context.Context, conn *bus.Conn) error {
	m.mu.Lock()
	m.conn = conn // it is known before the watch begins
	m.mu.Unlock()
	if err := m.settle(); err != nil {
		return err
	}
	defer m.saveAnchors()
	defer m.savePeers()
	m.learnPlan(ctx)
	parent := ctx
	group, ctx := errgroup.WithContext(parent)
	group.Go(func() error { return m.watch.Run(ctx, conn) })
	group.Go(func() error { return m.keepTime(ctx) })
	group.Go(func() error { return m.keepIdleWorkers(ctx) })
	group.Go(func() error { return m.seed(ctx) })
	group.Go(func() error { return m.keepOnion(ctx) })
	group.Go(func() error { return m.keepI2P(ctx) })
	group.Go(func() error { return m.keepLooking(ctx) })
	group.Go(func() error { return m.tellNews(ctx) })
	group.Go(func() error { return m.handHistory(ctx) })
	group.Go(func() error { return m.keepPrivate(ctx) })
	err := group.Wait()
	if parent.Err() != nil {
		return context.Cause(parent) // what failed, failed for that
	}
	return err
}

// watchWorkers learns of workers that ended, whatever events are lost: their
// slots are others' then.
func (m *manager) watchWorkers() *presence.Watch {
	return presence.New(presence.Config{
		Roles: []rights.Role{roles.Worker}, Held: m.registered,
		Up: func(e msg.RegistryEntry) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.there[e.Instance] = true
		},
		Gone:  func(e msg.RegistryEntry) { m.workerGone(e.Instance) },
		Fault: func(err error) { m.env.Logger.Warn(fmt.Sprintf("dropped an event: %v", err)) },
	})
}

// registered names the workers that have registered.
func (m *manager) registered() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.queues))
}

// keepTime does what is due by time.
func (m *manager) keepTime(ctx context.Context) error {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	m.reunite(ctx)
	saved, healthy := time.Now(), time.Time{}
	for {
		if m.asmap != nil && (healthy.IsZero() || time.Since(healthy) > healthInterval) {
			m.checkHealth()
			healthy = time.Now()
		}
		m.mu.Lock()
		// Attempts follow real time: a frozen clock must not stop them.
		m.dispatch(m.roster.Tick(time.Now()))
		m.book.Resolve(m.now())
		m.fillSlots()
		m.openPrivate()
		m.mu.Unlock()
		m.changed()
		m.keepAgain(ctx)
		if time.Since(saved) > saveInterval {
			m.savePeers()
			saved = time.Now()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
