package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/p2pworker"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
	"github.com/bulkheadnode/bulkhead/p2pworker/peertest"
)

// port is regtest's.
const port = 18444

// world is a network, a chain that its peers serve, and the time.
type world struct {
	t       *testing.T
	network *peertest.Network
	tip     *chaintest.Spot // of chain
	chain   *peertest.Chain
}

// simulate runs a story in a world whose chain has blocks, the last an hour ago.
func simulate(t *testing.T, blocks int, line func(a, b netip.Addr) peertest.Line, story func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, network: peertest.New(line), tip: chaintest.Genesis(t, chaintest.Regtest(t))}
		w.chain = peertest.NewChain(message(w.tip))
		w.grow(w.chain, w.tip.Extend(blocks, 0))
		// A bubble begins at the turn of the millennium, before there was a chain.
		<-time.After(time.Until(time.Unix(w.tip.Time(), 0).Add(time.Hour)))
		defer w.network.Close()
		story(w)
	})
}

// grow puts the blocks up to a tip on a chain that peers serve.
func (w *world) grow(c *peertest.Chain, tip *chaintest.Spot) {
	var blocks []*wire.MsgBlock
	for _, spot := range tip.Path() {
		blocks = append(blocks, message(spot))
	}
	c.Add(blocks...)
	if c == w.chain {
		w.tip = tip
	}
}

// message is a block as peers send it.
func message(s *chaintest.Spot) *wire.MsgBlock {
	b := wire.NewMsgBlock(&s.Header)
	for _, tx := range s.Txs {
		b.Transactions = append(b.Transactions, tx.MsgTx)
	}
	return b
}

// within waits until check holds, looking each second, and fails after limit.
func (w *world) within(limit time.Duration, what string, check func() bool) (took time.Duration) {
	w.t.Helper()
	began := time.Now()
	for !check() {
		require.Less(w.t, time.Since(began), limit, what)
		<-time.After(time.Second)
	}
	return time.Since(began)
}

// addresses are n of them, each in a network group of its own, from a first number on.
func addresses(first, n int) (list []netip.AddrPort) {
	for i := first; i < first+n; i++ {
		list = append(list, netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + i/200), byte(i % 200), 7, 7}), port))
	}
	return list
}

// ship is a whole node but for its supervisor, which does what its part is here.
type ship struct {
	*world
	at      netip.AddrPort
	dir     string
	bus     *bustest.Bus
	gateway *bus.Conn
	log     logBuffer
	cfg     manager.Config

	mu      sync.Mutex
	workers int
	stops   []func()
}

type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
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

// launch starts a node at an address, which knows of others.
func (w *world) launch(at netip.AddrPort, knows ...netip.AddrPort) *ship {
	w.t.Helper()
	s := &ship{world: w, at: at, dir: w.t.TempDir(), bus: bustest.New(w.t), cfg: manager.Config{
		Net: wire.TestNet, Regtest: true, DefaultPort: port, Automatic: true, UserAgent: "/simulated/", ClientVersion: 1,
	}}
	s.cfg.DataDir = s.dir
	s.gateway, _ = s.bus.Conn(roles.Gateway, "gateway", bus.NewMux())
	supervisor := bus.NewMux()
	msg.SpawnWorker.Handle(supervisor, func(context.Context, bus.None) (msg.SpawnReply, error) {
		return msg.SpawnReply{Instance: s.startWorker()}, nil
	})
	_, stop := s.bus.Conn(roles.Supervisor, "supervisor", supervisor)
	s.stops = append(s.stops, stop)
	s.run(roles.Node, "node", nil, func(ctx context.Context, env part.Env) error {
		cfg := node.DefaultConfig(chains.Regtest)
		cfg.Dir, cfg.BlocksDir, cfg.CacheMiB = s.dir, s.dir, 4
		return node.Run(ctx, env, cfg)
	})
	s.run(roles.Peers, "peers", nil, func(ctx context.Context, env part.Env) error { return manager.Run(ctx, env, s.cfg) })
	s.startWorker()
	for _, known := range knows {
		s.must("addpeeraddress", known.Addr().String(), known.Port())
	}
	return s
}

func (s *ship) startWorker() string {
	s.mu.Lock()
	s.workers++
	name := fmt.Sprintf("worker.%d", s.workers)
	s.mu.Unlock()
	s.run(roles.Worker, name, []net.Listener{s.network.Listen(s.at)}, func(ctx context.Context, env part.Env) error {
		return p2pworker.Run(ctx, env, p2pworker.Config{Net: wire.TestNet, DefaultPort: port, UserAgent: "/simulated/", NoDNS: true})
	})
	return name
}

// run has a part live until sink.
func (s *ship) run(role rights.Role, name string, listeners []net.Listener, run func(context.Context, part.Env) error) {
	logger := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	env := part.Env{
		Name: name, Link: s.bus.Link(role, name), Listeners: listeners, Logger: logger, Clock: clock.New(0), Mockable: true,
		Dial: s.network.Dialer(s.at.Addr()),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, env) }()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops = append(s.stops, func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("%s: %v", name, err)
		}
	})
}

// sink ends the node, the last part first.
func (s *ship) sink() {
	s.mu.Lock()
	stops := s.stops
	s.stops = nil
	s.mu.Unlock()
	for i := len(stops) - 1; i >= 0; i-- {
		stops[i]()
	}
	if s.t.Failed() {
		log := s.log.String()
		s.t.Logf("the end of the log of %s:\n%s", s.at, log[max(len(log)-20_000, 0):])
	}
}

// must calls a JSON-RPC command, as soon as its part is there.
func (s *ship) must(method string, params ...any) json.RawMessage {
	s.t.Helper()
	raw, err := json.Marshal(params)
	require.NoError(s.t, err)
	for range 1000 {
		answer, err := rpc.Ask(s.t.Context(), s.gateway, "", method, rpc.Request{Frames: bus.Frames{Attached: [][]byte{raw}}}, 1<<24)
		if e, ok := err.(*bus.Error); ok && (e.Kind == bus.KindNoService || e.Kind == bus.KindGone) {
			<-time.After(100 * time.Millisecond)
			continue
		}
		require.NoError(s.t, err, method)
		return answer
	}
	require.Fail(s.t, "nobody offers "+method)
	return nil
}

func (s *ship) best() string {
	s.t.Helper()
	var hash string
	require.NoError(s.t, json.Unmarshal(s.must("getbestblockhash"), &hash))
	return hash
}
