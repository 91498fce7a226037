package p2p_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// parse grants by the names of a set.
func parse(names []string) (all p2p.Permissions) {
	for _, name := range names {
		all |= p2p.ParsePermission(name)
	}
	return all
}

// TestNamesOfPermissions: the names of a set are those by which it is granted. What
// a permission contains comes with it.
func TestNamesOfPermissions(t *testing.T) {
	for set := range p2p.AllPermissions + 1 {
		named := parse(set.Names())
		require.Equal(t, named, parse(strings.Split(named.String(), ",")), "%s", set)
		require.True(t, named.Has(set))
		whole := (!set.Has(p2p.NoBan) || set.Has(p2p.Download)) && (!set.Has(p2p.ForceRelay) || set.Has(p2p.Relay))
		require.Equal(t, whole, named == set, "%s", set)
	}
	require.Equal(t, "bloomfilter,noban,forcerelay,relay,mempool,download,addr", p2p.AllPermissions.String())
	require.Equal(t, p2p.AllPermissions, p2p.ParsePermission("all"))
	require.Equal(t, p2p.BloomFilter, p2p.ParsePermission("bloom"))
	require.Equal(t, []string{}, p2p.Permissions(0).Names(), "an empty list in JSON, not null")
	for _, unknown := range []string{"", "NoBan", "in", "noban "} {
		require.Zero(t, p2p.ParsePermission(unknown), unknown)
	}
}

func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		text     string
		network  p2p.NetworkID
		routable bool
	}{
		{"8.8.8.8:8333", p2p.IPv4, true},
		{"[::ffff:8.8.8.8]:8333", p2p.IPv4, true},
		{"[2a00:1450::1]:8333", p2p.IPv6, true},
		{"10.0.0.1:8333", p2p.IPv4, false},
		{"127.0.0.1:1", p2p.IPv4, false},
		{"100.64.0.1:1", p2p.IPv4, false},
		{"203.0.113.9:1", p2p.IPv4, false},
		{"[fe80::1]:1", p2p.IPv6, false},
		{"[2001:db8::1]:1", p2p.IPv6, false},
		{"0.0.0.0:1", p2p.IPv4, false},
	} {
		end := netip.MustParseAddrPort(tt.text)
		a := p2p.NetAddrOf(end, wire.SFNodeNetwork, 7)
		require.Equal(t, tt.network, a.Network, tt.text)
		length, name := a.Network.AddressLength()
		require.Len(t, a.Host, length, name)
		back, ok := a.IP()
		require.True(t, ok)
		require.Equal(t, netip.AddrPortFrom(end.Addr().Unmap(), end.Port()), back)
		require.Equal(t, tt.routable, a.Routable(), tt.text)
		require.True(t, a.Fits(false))
	}
}

// TestAddressesThatAreNoIP: other networks, and hosts of a wrong length.
func TestAddressesThatAreNoIP(t *testing.T) {
	onion := p2p.NetAddr{Network: p2p.TorV3, Host: make([]byte, 32), Port: 1}
	_, isIP := onion.IP()
	require.False(t, isIP)
	require.True(t, onion.Routable())
	require.False(t, onion.Fits(false), "addr has no room for it")
	require.True(t, onion.Fits(true))
	short := p2p.NetAddr{Network: p2p.IPv4, Host: []byte{1, 2, 3}}
	_, isIP = short.IP()
	require.False(t, isIP)
	require.False(t, short.Routable())
	require.False(t, p2p.NetAddr{Network: 99, Host: []byte{1, 2, 3, 4}}.Routable(), "a network of the future")
	length, name := p2p.NetworkID(99).AddressLength()
	require.Zero(t, length)
	require.Empty(t, name)
}

// TestKeysTellAddressesApart by network, host and port, and by nothing else.
func TestKeysTellAddressesApart(t *testing.T) {
	key := func(network p2p.NetworkID, host string, port uint16) string {
		return p2p.NetAddr{Network: network, Host: []byte(host), Port: port}.Key()
	}
	seen := map[string]bool{}
	for _, network := range []p2p.NetworkID{p2p.IPv6, p2p.CJDNS} {
		for _, port := range []uint16{1, 256, 257} {
			for _, host := range []string{"abcdefghijklmnop", "bbcdefghijklmnop"} {
				require.False(t, seen[key(network, host, port)])
				seen[key(network, host, port)] = true
			}
		}
	}
	a := p2p.NetAddrOf(netip.MustParseAddrPort("1.2.3.4:5"), 1, 2)
	b := p2p.NetAddrOf(netip.MustParseAddrPort("1.2.3.4:5"), 9, 8)
	require.Equal(t, a.Key(), b.Key())
}
