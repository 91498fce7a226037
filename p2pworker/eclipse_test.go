package p2pworker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
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
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
	"github.com/bulkheadnode/bulkhead/p2pworker/peertest"
)

const (
	honestGroups   = 380 // of one peer each
	attackerGroups = 20  // 5 % of all
	perGroup       = 50  // addresses of the attacker in each
	eclipsePort    = 8333
)

// besieged is a manager and a worker on an internet of which an attacker has a part.
type besieged struct {
	t       *testing.T
	rng     *rand.Rand
	network *peertest.Network
	chain   *peertest.Chain
	node    *testNode
	at      netip.AddrPort
	dir     string
	honest  []netip.AddrPort
	enemies []netip.AddrPort
	owned   map[netip.Addr]bool // by the attacker
	tasks   sync.WaitGroup
}

// TestAnAttackerNeverHasAllConnections: who owns 5 % of the groups, 50 addresses in
// each, tells everybody of them without end, connects to us and never leaves, has at no
// time of a week all that we chose, though honest peers come and go, and we start anew
// each day.
func TestAnAttackerNeverHasAllConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := newBesieged(t)
		defer b.network.Close()
		defer b.tasks.Wait()
		defer cancel()
		for _, from := range b.enemies[:8] {
			b.tasks.Go(func() { b.pester(ctx, from) })
		}
		most, total := 0, 0
		for day := range 7 {
			mine, all := b.day(ctx, day == 0)
			require.Less(t, mine, all, "day %d", day)
			if mine*(total+1) > most*(all+1) {
				most, total = mine, all
			}
		}
		t.Logf("at worst %d of %d", most, total)
	})
}

func newBesieged(t *testing.T) *besieged {
	b := &besieged{
		t: t, rng: rand.New(rand.NewPCG(1, 2)), node: newTestNode(t, 10), dir: t.TempDir(), at: netip.MustParseAddrPort("99.9.9.9:8333"),
		network: peertest.New(func(_, _ netip.Addr) peertest.Line { return peertest.Line{Delay: 50 * time.Millisecond} }),
		owned:   map[netip.Addr]bool{},
	}
	b.chain = peertest.NewChain(block(b.node.headers[0]))
	for _, header := range b.node.headers[1:] {
		b.chain.Add(block(header))
	}
	for group := range honestGroups + attackerGroups {
		ip := [4]byte{byte(20 + group/100), byte(group % 100), 1, 1}
		if group < honestGroups {
			b.honest = append(b.honest, netip.AddrPortFrom(netip.AddrFrom4(ip), eclipsePort))
			continue
		}
		for i := range perGroup {
			ip[2] = byte(i)
			b.enemies = append(b.enemies, netip.AddrPortFrom(netip.AddrFrom4(ip), eclipsePort))
			b.owned[netip.AddrFrom4(ip)] = true
		}
	}
	for _, at := range b.honest {
		b.network.Host(at, b.honestPeer)
	}
	for _, at := range b.enemies {
		b.network.Host(at, b.enemy().Serve)
	}
	return b
}

// block is a block of the stand-in for the node: a header and no transaction.
func block(header []byte) *wire.MsgBlock {
	var b wire.MsgBlock
	if err := b.Deserialize(bytes.NewReader(append(header[:len(header):len(header)], 0))); err != nil {
		panic(err)
	}
	return &b
}

// honestPeer stays for some hours, and tells what it knows.
func (b *besieged) honestPeer(nc net.Conn) {
	p := &peertest.Peer{Net: wire.MainNet, Chain: b.chain, Conduct: peertest.Conduct{
		HangUp: time.Duration(1+rand.IntN(20)) * time.Hour, Addresses: pick(b.honest, 20), TellEvery: time.Hour,
	}}
	p.Serve(nc)
}

func (b *besieged) enemy() *peertest.Peer {
	return &peertest.Peer{Net: wire.MainNet, Chain: b.chain, Conduct: peertest.Conduct{Addresses: pick(b.enemies, 200), TellEvery: 20 * time.Minute}}
}

func pick(list []netip.AddrPort, n int) (some []netip.AddrPort) {
	for _, i := range rand.Perm(len(list))[:n] {
		some = append(some, list[i])
	}
	return some
}

// pester connects to us from an address of the attacker, again and again.
func (b *besieged) pester(ctx context.Context, from netip.AddrPort) {
	for ctx.Err() == nil {
		if nc, err := b.network.Dialer(from.Addr())(ctx, "tcp", b.at.String()); err == nil {
			stop := context.AfterFunc(ctx, func() { nc.Close() })
			b.enemy().Serve(nc)
			stop()
		}
		clock.Sleep(ctx, time.Minute)
	}
}

// day runs us for a day, and returns the worst moment: how many of the connections that
// we chose were the attacker's.
func (b *besieged) day(ctx context.Context, first bool) (mine, all int) {
	ship := bustest.New(b.t)
	var stops []func()
	defer func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}()
	conn := func(role rights.Role, mux *bus.Mux) *bus.Conn {
		c, stop := ship.Conn(role, string(role), mux)
		stops = append(stops, stop)
		return c
	}
	supervisor := bus.NewMux()
	keepFiles(supervisor, b.dir)
	conn(roles.Supervisor, supervisor)
	node, gateway := conn(roles.Node, b.node.mux()), conn(roles.Gateway, bus.NewMux())
	run := func(role rights.Role, name string, part func(context.Context) error) {
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- part(ctx) }()
		stops = append(stops, func() {
			cancel()
			if err := <-ended; err != nil {
				b.t.Errorf("%s: %v", name, err)
			}
		})
	}
	env := func(role rights.Role, name string) part.Env {
		return part.Env{
			Name: name, Link: ship.Link(role, name), Clock: clock.New(0), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
			Dial: b.network.Dialer(b.at.Addr()), Mockable: true,
		}
	}
	slots := 30
	peers, worker := env(roles.Peers, "peers"), env(roles.Worker, "worker.1")
	worker.Listeners = []net.Listener{b.network.Listen(b.at)}
	run(roles.Peers, "peers", func(ctx context.Context) error {
		return manager.Run(ctx, peers, manager.Config{DataDir: b.dir, Net: wire.MainNet, Regtest: true, DefaultPort: eclipsePort,
			Automatic: true, MaxConnections: &slots, UserAgent: "/test/", ClientVersion: 1})
	})
	run(roles.Worker, "worker.1", func(ctx context.Context) error {
		return p2pworker.Run(ctx, worker, p2pworker.Config{Net: wire.MainNet, DefaultPort: eclipsePort, UserAgent: "/test/", NoDNS: true})
	})
	ask := func(method, params string) json.RawMessage {
		for {
			raw, err := rpc.Ask(ctx, gateway, "", method, rpc.Request{Frames: bus.Frames{Attached: [][]byte{[]byte(params)}}}, 1<<24)
			if e, ok := err.(*bus.Error); ok && e.Kind == bus.KindNoService {
				clock.Sleep(ctx, time.Second)
				continue
			}
			require.NoError(b.t, err, method)
			return raw
		}
	}
	if first { // what a new node gets from the DNS seeds
		for _, at := range pick(b.honest, 100) {
			ask("addpeeraddress", `["`+at.Addr().String()+`", 8333]`)
		}
	}
	all = 1
	for range 24 * 6 {
		clock.Sleep(ctx, 10*time.Minute)
		b.mine(ctx, node)
		if m, n := b.outbound(ask("getpeerinfo", "[]")); n >= 8 && m*all > mine*n {
			mine, all = m, n
		}
	}
	return mine, all
}

// mine has the node and all peers see a new block.
func (b *besieged) mine(ctx context.Context, node *bus.Conn) {
	b.node.mu.Lock()
	header := b.node.mine(len(b.node.headers))
	tip := b.node.tip()
	b.node.mu.Unlock()
	b.chain.Add(block(header))
	require.NoError(b.t, msg.TipChanged.Publish(ctx, node, p2p.TipChangedEvent{Tip: tip, Frames: bus.Frames{Attached: [][]byte{header}}}))
}

// outbound counts the connections that we chose, and those of them to the attacker.
func (b *besieged) outbound(raw json.RawMessage) (mine, all int) {
	var list []struct {
		Addr string `json:"addr"`
		Type string `json:"connection_type"`
	}
	require.NoError(b.t, json.Unmarshal(raw, &list))
	for _, p := range list {
		if p.Type != "outbound-full-relay" && p.Type != "block-relay-only" {
			continue
		}
		all++
		if at, err := netip.ParseAddrPort(p.Addr); err == nil && b.owned[at.Addr()] {
			mine++
		}
	}
	return mine, all
}
