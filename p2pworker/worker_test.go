package p2pworker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

// ship is a bus with a stand-in for the node, the real manager and real
// workers.
type ship struct {
	t        *testing.T
	bus      *bustest.Bus
	node     *testNode
	nodeConn *bus.Conn
	gateway  *bus.Conn
	listener *net.TCPListener
	dir      string
	log      *logBuffer
	spawning sync.Mutex // held while a worker is started, guards the one below
	sinking  bool
	mu       sync.Mutex // guards the two below
	stops    map[string]func()
	workers  int
	capacity int
	idle     int
	outfit
}

// outfit is what ships differ in.
type outfit struct {
	networks manager.Networks
	services wire.ServiceFlag // 0 for the default, without v2
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newShip(t *testing.T, blocks, capacity, idle int) *ship {
	return launch(t, blocks, capacity, idle, outfit{})
}

// launch starts a ship of an outfit.
func launch(t *testing.T, blocks, capacity, idle int, of outfit) *ship {
	t.Helper()
	s := &ship{outfit: of, t: t, bus: bustest.New(t), node: newTestNode(t, blocks), dir: t.TempDir(),
		log: &logBuffer{}, stops: map[string]func(){}, capacity: capacity, idle: idle}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.listener = l.(*net.TCPListener)
	t.Cleanup(func() { s.listener.Close() })
	s.nodeConn, _ = s.bus.Conn(roles.Node, "node", s.node.mux())
	supervisor := bus.NewMux()
	msg.SpawnWorker.Handle(supervisor, func(context.Context, bus.None) (msg.SpawnReply, error) {
		return s.spawn()
	})
	keepFiles(supervisor, s.dir)
	s.bus.Conn(roles.Supervisor, "supervisor", supervisor)
	s.gateway, _ = s.bus.Conn(roles.Gateway, "gateway", bus.NewMux())
	s.startManager()
	if idle == 0 {
		s.startWorker()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", s.log)
		}
	})
	return s
}

// keepFiles does as the supervisor does with the manager's files.
func keepFiles(mux *bus.Mux, dir string) {
	msg.SavePeersFile.Handle(mux, func(_ context.Context, body msg.PeersFileBody) (bus.None, error) {
		if len(body.Attached) == 0 {
			return bus.None{}, os.Remove(filepath.Join(dir, body.Name))
		}
		return bus.None{}, os.WriteFile(filepath.Join(dir, body.Name), body.First(), 0o600)
	})
}

func (s *ship) env(role rights.Role, name string) part.Env {
	logger := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return part.Env{Name: name, Link: s.bus.Link(role, name), Logger: logger, Clock: clock.New(0), Mockable: true}
}

// start runs a part until the test or the returned function ends it.
func (s *ship) start(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				s.t.Errorf("%s: %v", name, err)
			}
		})
	}
	s.mu.Lock()
	s.stops[name] = stop
	s.mu.Unlock()
	s.t.Cleanup(func() {
		// Or the manager would replace each worker that is stopped.
		s.endSpawning()
		s.stop("peers")
		stop()
	})
}

// spawn starts a worker for the manager, whose call may still be on its way when the
// ship ends: a worker started then would be left over when the bus goes.
func (s *ship) spawn() (msg.SpawnReply, error) {
	s.spawning.Lock()
	defer s.spawning.Unlock()
	if s.sinking {
		return msg.SpawnReply{}, errors.New("the ship is ending")
	}
	return msg.SpawnReply{Instance: s.startWorker()}, nil
}

// endSpawning returns when no worker is being started, nor will be.
func (s *ship) endSpawning() {
	s.spawning.Lock()
	defer s.spawning.Unlock()
	s.sinking = true
}

// stop ends a part and joins it.
func (s *ship) stop(name string) {
	s.mu.Lock()
	stop := s.stops[name]
	s.mu.Unlock()
	stop()
}

func (s *ship) startManager() {
	s.start("peers", func(ctx context.Context) error {
		for {
			err := manager.Run(ctx, s.env(roles.Peers, "peers"), manager.Config{DataDir: s.dir, Net: wire.TestNet,
				Regtest: true, IdleWorkers: s.idle, Networks: s.networks, Services: s.services, UserAgent: "/test/", ClientVersion: 1})
			// The broker refuses a second link of the name until it has seen
			// the end of the first; a supervisor starts the part again.
			if !errors.Is(err, part.ErrAdrift) || ctx.Err() != nil {
				return err
			}
		}
	})
}

func (s *ship) startWorker() string {
	s.mu.Lock()
	s.workers++
	name := fmt.Sprintf("worker.%d", s.workers)
	s.mu.Unlock()
	env := s.env(roles.Worker, name)
	env.Listeners = []net.Listener{s.listener}
	s.start(name, func(ctx context.Context) error {
		return p2pworker.Run(ctx, env, p2pworker.Config{Net: wire.TestNet, UserAgent: "/" + name + "/",
			Capacity: s.capacity, Services: s.services})
	})
	return name
}

func (s *ship) rpc(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	raw, err := json.Marshal(params)
	require.NoError(s.t, err)
	return rpc.Ask(ctx, s.gateway, "", method, rpc.Request{Frames: bus.Frames{Attached: [][]byte{raw}}}, 1<<20)
}

func (s *ship) must(ctx context.Context, method string, params ...any) json.RawMessage {
	s.t.Helper()
	// The commands of a part can be called once it is attached.
	for {
		raw, err := s.rpc(ctx, method, params...)
		if e, ok := err.(*bus.Error); ok && (e.Kind == bus.KindNoService || e.Kind == bus.KindGone) && ctx.Err() == nil {
			continue
		}
		require.NoError(s.t, err)
		return raw
	}
}

func (s *ship) address() string { return s.listener.Addr().String() }

// peers waits until getpeerinfo satisfies ok.
func (s *ship) peers(ctx context.Context, ok func([]map[string]any) bool) []map[string]any {
	s.t.Helper()
	for {
		var list []map[string]any
		require.NoError(s.t, json.Unmarshal(s.must(ctx, "getpeerinfo"), &list))
		if ok(list) {
			return list
		}
		require.NoError(s.t, ctx.Err(), "peers are %v", list)
	}
}

func count(n int) func([]map[string]any) bool {
	return func(list []map[string]any) bool { return len(list) == n }
}

func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestTwoShipsSync(t *testing.T) {
	ctx := patience(t)
	full, empty := newShip(t, 2500, 0, 0), newShip(t, 0, 0, 0)
	empty.must(ctx, "addnode", full.address(), "onetry")
	empty.node.awaitHeight(ctx, 2500)
	require.Zero(t, empty.node.resubmit, "no block is downloaded twice")

	info := full.peers(ctx, count(1))[0]
	require.Equal(t, true, info["inbound"])
	require.Equal(t, "inbound", info["connection_type"])
	require.Equal(t, "/worker.1/", info["subver"])
	require.Equal(t, full.address(), info["addrbind"])
	info = empty.peers(ctx, func(l []map[string]any) bool { return len(l) == 1 && l[0]["synced_headers"] == 2500. })[0]
	require.Equal(t, "manual", info["connection_type"])
	require.Equal(t, full.address(), info["addr"])
	require.Greater(t, info["bytesrecv_per_msg"].(map[string]any)["pong"], 28.)
}

func TestNewBlocksAndTransactionsCross(t *testing.T) {
	ctx := patience(t)
	a, b := newShip(t, 3, 0, 0), newShip(t, 0, 0, 0)
	b.must(ctx, "addnode", a.address(), "onetry")
	b.node.awaitHeight(ctx, 3)
	a.node.mu.Lock()
	header := a.node.mine(77)
	tip := a.node.tip()
	a.node.mu.Unlock()
	require.NoError(t, msg.TipChanged.Publish(ctx, a.nodeConn, p2p.TipChangedEvent{Tip: tip,
		Frames: bus.Frames{Attached: [][]byte{header}}}))
	b.node.awaitHeight(ctx, 4)

	raw := bytes.Repeat([]byte{7}, 100)
	h := chainhash.DoubleHashH(raw)
	a.node.mu.Lock()
	a.node.txs[h] = raw
	a.node.mu.Unlock()
	require.NoError(t, msg.TxsAnnounced.Publish(ctx, a.nodeConn, p2p.TxsAnnouncedEvent{
		Txs: []p2p.TxAnnouncement{{Txid: h, Wtxid: h, FeeRate: 1000, Peer: -1}}}))
	for {
		b.node.mu.Lock()
		got := b.node.txs[h]
		b.node.mu.Unlock()
		if got != nil {
			require.Equal(t, raw, got)
			return
		}
		select {
		case <-b.node.changed:
		case <-ctx.Done():
			require.FailNow(t, "the transaction did not arrive")
		}
	}
}

func TestOneProcessAConnection(t *testing.T) {
	ctx := patience(t)
	a, b := newShip(t, 300, 1, 2), newShip(t, 0, 1, 2)
	b.must(ctx, "addnode", a.address(), "onetry")
	b.node.awaitHeight(ctx, 300)
	a.peers(ctx, count(1))
	id := b.peers(ctx, count(1))[0]["id"]
	b.must(ctx, "disconnectnode", "", id)
	a.peers(ctx, count(0))
	b.peers(ctx, count(0))
	b.must(ctx, "addnode", a.address(), "onetry")
	require.Equal(t, 1., b.peers(ctx, count(1))[0]["id"], "a new connection has a new number")
}

func TestConnectionsOutliveTheManager(t *testing.T) {
	ctx := patience(t)
	a, b := newShip(t, 3, 0, 0), newShip(t, 0, 0, 0)
	b.must(ctx, "addnode", a.address(), "onetry")
	b.node.awaitHeight(ctx, 3)
	before := b.peers(ctx, count(1))[0]
	b.stop("peers")
	b.startManager()
	after := b.peers(ctx, count(1))[0]
	require.Equal(t, before["id"], after["id"])
	require.Equal(t, before["conntime"], after["conntime"])
	require.GreaterOrEqual(t, after["bytesrecv"], before["bytesrecv"], "it is the same connection")
}

func TestLostWorkerIsReplacedByAnother(t *testing.T) {
	ctx := patience(t)
	a, b := newShip(t, 3, 0, 0), newShip(t, 0, 0, 0)
	b.must(ctx, "addnode", a.address(), "add")
	b.peers(ctx, count(1))
	b.stop("worker.1")
	b.startWorker()
	list := b.peers(ctx, func(l []map[string]any) bool { return len(l) == 1 && l[0]["id"] != 0. })
	require.Equal(t, "manual", list[0]["connection_type"])
}

func TestConnectingToOurselves(t *testing.T) {
	ctx := patience(t)
	s := newShip(t, 3, 0, 0)
	s.must(ctx, "addnode", s.address(), "onetry")
	s.peers(ctx, func(l []map[string]any) bool {
		return len(l) == 0 && strings.Contains(s.log.String(), "connected to self at")
	})
}

func TestHostilePeerLosesItsOwnConnectionOnly(t *testing.T) {
	ctx := patience(t)
	a, b := newShip(t, 3, 0, 0), newShip(t, 0, 0, 0)
	b.must(ctx, "addnode", a.address(), "onetry")
	b.node.awaitHeight(ctx, 3)
	hostile, err := net.Dial("tcp", a.address())
	require.NoError(t, err)
	defer hostile.Close()
	_, err = hostile.Write(bytes.Repeat([]byte{0xff}, 1000))
	require.NoError(t, err)
	_, err = hostile.Read(make([]byte, 1))
	require.Error(t, err, "the connection is closed")
	a.peers(ctx, count(1))
	require.Contains(t, a.log.String(), "Header error: Wrong MessageStart ffffffff received, peer=1")
}

func TestBansAreEnforcedAndKept(t *testing.T) {
	ctx := patience(t)
	a, b := newShip(t, 0, 0, 0), newShip(t, 0, 0, 0)
	b.must(ctx, "addnode", a.address(), "onetry")
	a.peers(ctx, count(1))
	a.must(ctx, "setban", "127.0.0.1", "add")
	a.peers(ctx, count(0))
	_, err := a.rpc(ctx, "setban", "127.0.0.1", "add")
	require.Equal(t, &rpc.Error{Code: rpc.ClientNodeAdded, Message: "Error: IP/Subnet already banned"}, err)
	b.peers(ctx, count(0))
	b.must(ctx, "addnode", a.address(), "onetry")
	b.peers(ctx, count(0))
	require.Contains(t, a.log.String(), "dropped (banned)")
	a.stop("peers")
	a.startManager()
	require.Contains(t, string(a.must(ctx, "listbanned")), `"address":"127.0.0.1/32"`)
	a.must(ctx, "clearbanned")
	require.Equal(t, "[]", string(a.must(ctx, "listbanned")))
}
