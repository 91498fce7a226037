package dialler

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

const (
	onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
	i2p   = "c4gfnttsuwqomiygupdqqqyy5y5emnk5c73hrfvatri67prd7vyq.b32.i2p"
)

// A private connection is not made without a proxy, whatever is ordered: its peer would
// see the address of this machine.
func TestAPrivateConnectionNeedsAProxy(t *testing.T) {
	for _, target := range []string{"127.0.0.1:8333", "node.example:8333", "2a00::1"} {
		_, err := System{}.Find(t.Context(), p2p.DialOrder{Target: target, Kind: p2p.PrivateBroadcast})
		require.ErrorIs(t, err, errNoProxy)
	}
}

func TestWays(t *testing.T) {
	tor := p2p.Proxy{Network: p2p.TorV3, Address: "127.0.0.1:9050", Randomize: true}
	names := p2p.Proxy{Address: "127.0.0.1:9150"}
	six := p2p.Proxy{Network: p2p.IPv6, Address: "unix:/run/six"}
	router := p2p.Proxy{Network: p2p.I2P, Address: "127.0.0.1:7656"}
	known := map[string][]netip.Addr{
		"four.example": {netip.MustParseAddr("8.8.8.8")},
		"both.example": {netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("2600::1")},
		"none.example": {},
	}
	lookUp := func(_ context.Context, name string) ([]netip.Addr, error) {
		ips, ok := known[name]
		if !ok {
			return nil, errors.New("no such name")
		}
		return append([]netip.Addr{}, ips...), nil
	}
	type to struct {
		host    string
		port    uint16
		address string
	}
	for name, c := range map[string]struct {
		target  string
		kind    p2p.ConnectionType
		proxies []p2p.Proxy
		ways    []to
		failure string
	}{
		"an address":                   {"1.2.3.4:5", p2p.Manual, nil, []to{{"1.2.3.4", 5, "1.2.3.4:5"}}, ""},
		"without a port":               {"2600::2", p2p.Manual, nil, []to{{"2600::2", 8333, "[2600::2]:8333"}}, ""},
		"by its proxy":                 {"2600::2", p2p.Manual, []p2p.Proxy{six}, []to{{"2600::2", 8333, "/run/six"}}, ""},
		"an onion":                     {onion, p2p.FullRelay, []p2p.Proxy{tor}, []to{{onion, 8333, tor.Address}}, ""},
		"an onion without a proxy":     {onion, p2p.FullRelay, nil, nil, "there is no proxy for its network"},
		"I2P has no ports":             {i2p, p2p.FullRelay, []p2p.Proxy{router}, []to{{i2p, 0, router.Address}}, ""},
		"I2P without a router":         {i2p, p2p.FullRelay, nil, nil, "there is no proxy for its network"},
		"no address of its network":    {"mistyped.onion", p2p.Manual, []p2p.Proxy{names}, nil, "it is no address of its network"},
		"a name for the proxy":         {"four.example:1", p2p.Manual, []p2p.Proxy{names, six}, []to{{"four.example", 1, names.Address}}, ""},
		"a name that is looked up":     {"four.example", p2p.Manual, nil, []to{{"8.8.8.8", 8333, "8.8.8.8:8333"}}, ""},
		"each address by its own":      {"both.example:7", p2p.Manual, []p2p.Proxy{six}, []to{{"8.8.8.8", 7, "8.8.8.8:7"}, {"2600::1", 7, "/run/six"}}, ""},
		"a name that leads nowhere":    {"none.example", p2p.Manual, nil, nil, "its name leads nowhere"},
		"a name that is not there":     {"other.example", p2p.Manual, nil, nil, "no such name"},
		"private, by name":             {"four.example", p2p.PrivateBroadcast, []p2p.Proxy{tor}, nil, "it is no address of its network"},
		"private, by a proxy":          {"1.2.3.4", p2p.PrivateBroadcast, []p2p.Proxy{tor}, []to{{"1.2.3.4", 8333, tor.Address}}, ""},
		"private, to an IP, without":   {"1.2.3.4", p2p.PrivateBroadcast, nil, nil, "there is no proxy for its network"},
		"a proxy for names, by an IP":  {"1.2.3.4", p2p.Manual, []p2p.Proxy{{Network: p2p.IPv4, Address: "p:1"}}, []to{{"1.2.3.4", 8333, "p:1"}}, ""},
		"nothing is looked up (names)": {"four.example", p2p.PrivateBroadcast, []p2p.Proxy{names}, nil, "it is no address of its network"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{DefaultPort: 8333}.withDefaults()
			ways, err := cfg.ways(t.Context(), p2p.DialOrder{ID: 3, Target: c.target, Kind: c.kind, Proxies: c.proxies}, lookUp)
			if c.failure != "" {
				require.EqualError(t, err, c.failure)
				return
			}
			require.NoError(t, err)
			var got []to
			for i, w := range ways {
				_, address := w.first()
				got = append(got, to{w.Host, w.Port, address})
				require.Equal(t, uint64(3), w.order)
				require.Equal(t, i, w.number)
			}
			require.ElementsMatch(t, c.ways, got)
		})
	}
}

func TestNoDNS(t *testing.T) {
	_, err := NewSystem(Config{NoDNS: true}, nil).Find(t.Context(), p2p.DialOrder{Target: "localhost", Kind: p2p.Manual})
	require.ErrorIs(t, err, errNoDNS)
}

func TestGrantsRunOut(t *testing.T) {
	g := newGrants()
	g.add(1, []Way{{Host: "a"}, {Host: "b"}})
	g.add(1, []Way{{Host: "other"}})
	for range maxUses {
		w, ok := g.use(1, 1)
		require.True(t, ok)
		require.Equal(t, "b", w.Host)
	}
	for _, wrong := range [][2]int{{1, 1}, {1, 2}, {1, -2}, {2, 0}} {
		_, ok := g.use(uint64(wrong[0]), wrong[1])
		require.False(t, ok, wrong)
	}
	ways, ok := g.of(1)
	require.True(t, ok)
	require.Len(t, ways, 2)
	for order := range uint64(maxGrants) {
		g.add(10+order, nil)
	}
	_, ok = g.of(1)
	require.False(t, ok, "the oldest goes")
	require.Len(t, g.ways, maxGrants)
}
