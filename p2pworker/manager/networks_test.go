package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
)

const (
	onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
	i2p   = "c4gfnttsuwqomiygupdqqqyy5y5emnk5c73hrfvatri67prd7vyq.b32.i2p"
)

// proxies makes one for each network, whose address is the network's name.
func proxies(networks ...p2p.NetworkID) (list []p2p.Proxy) {
	for _, n := range networks {
		list = append(list, p2p.Proxy{Network: n, Address: n.Name()})
	}
	return list
}

func TestHowTargetsAreReached(t *testing.T) {
	all := Networks{Proxies: proxies(0, p2p.IPv4, p2p.IPv6, p2p.TorV3, p2p.I2P, p2p.CJDNS), CJDNS: true}
	some := Networks{Proxies: proxies(p2p.IPv4, p2p.TorV3, p2p.CJDNS)}
	for target, want := range map[string]struct{ all, some []p2p.Proxy }{
		"8.8.8.8:1":       {proxies(p2p.IPv4), proxies(p2p.IPv4)},
		"2a00::1":         {proxies(p2p.IPv6), nil},
		"[2a00::1]:8333":  {proxies(p2p.IPv6), nil},
		onion:             {proxies(p2p.TorV3), proxies(p2p.TorV3)},
		i2p + ":0":        {proxies(p2p.I2P), nil},
		"[fc00::1]:8333":  {proxies(p2p.CJDNS), nil}, // without -cjdnsreachable it is a private one
		"127.0.0.1:18444": {nil, nil},
		"192.168.1.1":     {nil, nil},
		"node.example:1":  {proxies(0), proxies(p2p.IPv4, p2p.CJDNS)}, // what it is looked up to is one of those
	} {
		require.Equal(t, want.all, all.route(target), target)
		got := some.route(target)
		require.ElementsMatch(t, want.some, got, target)
	}
}

// TestOrdersCarryTheWay, and a peer that Tor has let in is one of Tor.
func TestOrdersCarryTheWay(t *testing.T) {
	s := newShip(t, Config{Networks: Networks{Proxies: proxies(p2p.TorV3), OnionBinds: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8333")}}})
	w := s.worker("worker.1", 0)
	answer := concurrently(t.Context(), func(ctx context.Context) bool { return s.dial(ctx, onion+":8333", p2p.Manual, false) })
	dial := w.orders()[0].Dial
	require.Equal(t, p2p.DialOrder{ID: dial.ID, Target: onion + ":8333", Kind: p2p.Manual, Proxies: proxies(p2p.TorV3)}, *dial)
	w.open(onion+":8333", dial.ID)
	require.True(t, <-answer)
	w.accept("127.0.0.1:5")
	peers := s.roster.Peers()
	require.Equal(t, onion+":8333", peers[0].Remote.String())
	require.Equal(t, "onion", commands{s.manager}.infoOf(described{Peer: peers[0]}).Network)
	require.Equal(t, "onion", commands{s.manager}.infoOf(described{Peer: peers[1]}).Network)
}

func TestReachabilityIsShown(t *testing.T) {
	s := newShip(t, Config{Networks: Networks{Reachable: []p2p.NetworkID{p2p.IPv6, p2p.TorV3}, Proxies: []p2p.Proxy{
		{Network: p2p.TorV3, Address: "unix:/run/tor/socks", Randomize: true}}}})
	raw, err := json.Marshal(s.succeeds("getnetworkinfo", `[]`).(networkInfo).Networks)
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"name":"ipv4","limited":true,"reachable":false,"proxy":"","proxy_randomize_credentials":false},
		{"name":"ipv6","limited":false,"reachable":true,"proxy":"","proxy_randomize_credentials":false},
		{"name":"onion","limited":false,"reachable":true,"proxy":"unix:/run/tor/socks","proxy_randomize_credentials":true},
		{"name":"i2p","limited":true,"reachable":false,"proxy":"","proxy_randomize_credentials":false},
		{"name":"cjdns","limited":true,"reachable":false,"proxy":"","proxy_randomize_credentials":false}]`, string(raw))
}

// TestAddressesOfReachableNetworksAreKept, and told by network. Who adds one by hand
// may add any.
func TestAddressesOfReachableNetworksAreKept(t *testing.T) {
	s := newShip(t, Config{Regtest: true, Test: []string{"addrman"}, Networks: Networks{Reachable: []p2p.NetworkID{p2p.TorV3}, CJDNS: true}})
	w := s.worker("worker.1", 0)
	peer := w.accept("10.0.0.1:5")
	key := make([]byte, 32)
	w.tell(p2p.AddAddressesRequest{Peer: peer, Addresses: []p2p.NetAddr{
		address(1), {Time: mockTime, Network: p2p.TorV3, Host: key, Port: 8333}, {Time: mockTime, Network: p2p.I2P, Host: key}}})
	require.Equal(t, 1, s.book.Len())
	for _, host := range []string{i2p, "fc00::1", "1.2.3.4"} {
		s.succeeds("addpeeraddress", fmt.Sprintf(`[%q,0]`, host))
	}
	for _, host := range []string{i2p, "fc00::1", "1.2.3.4"} {
		s.succeeds("addpeeraddress", fmt.Sprintf(`[%q,8333]`, host))
	}
	for network, n := range map[string]int{"onion": 1, "i2p": 2, "cjdns": 1, "ipv4": 1, "ipv6": 0} {
		list := s.succeeds("getnodeaddresses", fmt.Sprintf(`[0,%q]`, network)).([]nodeAddress)
		require.Len(t, list, n, network)
		for _, a := range list {
			require.Equal(t, network, a.Network)
		}
	}
}

// TestWhereAutomaticConnectionsGo: to no other network than those that -onlynet names.
func TestWhereAutomaticConnectionsGo(t *testing.T) {
	s := newShip(t, Config{Automatic: true, Networks: Networks{Reachable: []p2p.NetworkID{p2p.TorV3}}})
	const services = wire.SFNodeNetwork | wire.SFNodeWitness
	for _, text := range []string{"8.8.8.8:8333", "[2a00::1]:8333", onion + ":8333", i2p + ":0"} {
		end := p2p.ParseEndpoint(text)
		require.Equal(t, end.Host.Network() == p2p.TorV3, s.eligible(addrbook.Entry{Address: end, Services: services, Seen: s.now()}), text)
	}
}

// TestAProxyThatIsAwayIsNoFaultOfPeers: their addresses are not blamed, and none is
// tried for a while.
func TestAProxyThatIsAwayIsNoFaultOfPeers(t *testing.T) {
	s := newShip(t, Config{Automatic: true, Networks: Networks{Proxies: proxies(p2p.IPv4)}})
	w := s.worker("worker.1", 0)
	end := p2p.ParseEndpoint("8.8.8.8:8333")
	s.mu.Lock()
	s.book.Add(addrbook.Entry{Address: end, Services: wire.SFNodeNetwork | wire.SFNodeWitness, Seen: s.now(), LastTry: s.now().Add(-time.Hour)}, 0, s.random.Uint64, s.now())
	for s.roster.Wanted(p2p.FullRelay) == 8 {
		s.fillSlots()
	}
	s.mu.Unlock()
	attempts := func() int { return s.book.Sample(s.random.Uint64, s.now(), 1, 0)[0].Attempts }
	dial := w.orders()[0].Dial
	require.Equal(t, end.String(), dial.Target)
	require.Equal(t, 1, attempts())
	_, err := msg.DialFailed.Call(t.Context(), w.conn, p2p.DialFailedRequest{Dial: dial.ID, Proxy: true})
	require.NoError(t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Zero(t, attempts())
	s.fillSlots()
	require.Equal(t, 8, s.roster.Wanted(p2p.FullRelay))
}

// TestSeedsByProxy are peers to ask for addresses: no name is looked up here.
func TestSeedsByProxy(t *testing.T) {
	s := newShip(t, Config{Automatic: true, DefaultPort: 8333, DNSSeeds: []string{"seed.one", "seed.two"}, Networks: Networks{Proxies: proxies(0)}})
	w := s.worker("worker.1", 0)
	require.NoError(t, s.seed(t.Context()))
	orders := w.orders()
	require.Len(t, orders, 2)
	require.ElementsMatch(t, []string{"seed.one:8333", "seed.two:8333"}, []string{orders[0].Dial.Target, orders[1].Dial.Target})
	for _, o := range orders {
		require.Equal(t, p2p.AddrFetch, o.Dial.Kind)
		require.Equal(t, proxies(0), o.Dial.Proxies)
	}
}

// TestBansOfEveryNetwork: one host where there are no subnets.
func TestBansOfEveryNetwork(t *testing.T) {
	s := newShip(t, Config{Networks: Networks{CJDNS: true}})
	for _, host := range []string{onion, i2p, "fc00::1"} {
		s.succeeds("setban", fmt.Sprintf(`[%q,"add"]`, host))
		s.fails(-23, "Error: IP/Subnet already banned", "setban", fmt.Sprintf(`[%q,"add"]`, host))
		s.fails(-30, "Error: Invalid IP/Subnet", "setban", fmt.Sprintf(`["%s/8","add"]`, host))
	}
	var shown []string
	for _, b := range s.succeeds("listbanned", `[]`).([]bannedNet) {
		shown = append(shown, b.Address)
	}
	require.Equal(t, []string{onion, i2p, "fc00::1"}, shown)
	s.succeeds("setban", fmt.Sprintf(`[%q,"remove"]`, onion))
	s.fails(-30, "Error: Unban failed. Requested address/subnet was not previously manually banned.", "setban", fmt.Sprintf(`[%q,"remove"]`, onion))
}
