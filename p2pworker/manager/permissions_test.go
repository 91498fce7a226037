package manager

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func TestWhitelistEntries(t *testing.T) {
	const implicit = p2p.NoBan | p2p.Download | p2p.Mempool
	for _, tt := range []struct {
		text    string
		cfg     Config
		want    p2p.Permissions
		in, out bool
	}{
		{"1.2.3.4", Config{}, implicit | p2p.Relay, true, false},
		{"1.2.3.4", Config{NoWhitelistRelay: true}, implicit, true, false},
		{"1.2.3.4", Config{NoWhitelistRelay: true, WhitelistForceRelay: true}, implicit | p2p.Relay | p2p.ForceRelay, true, false},
		{"noban@1.2.3.4", Config{}, p2p.NoBan | p2p.Download, true, false},
		{"noban,@1.2.3.0/24", Config{WhitelistForceRelay: true}, p2p.NoBan | p2p.Download, true, false},
		{"@1.2.3.4", Config{}, 0, true, false},
		{"in,noban@1.2.3.0/255.255.255.0", Config{}, p2p.NoBan | p2p.Download, true, false},
		{"out,relay@1.2.3.4", Config{}, p2p.Relay, false, true},
		{"in,addr,out,bloom@1.2.3.4", Config{}, p2p.Addr | p2p.BloomFilter, true, true},
		{"all@1.2.3.4", Config{}, p2p.AllPermissions, true, false},
	} {
		g, err := parseGrant(tt.text, tt.cfg)
		require.NoError(t, err, tt.text)
		require.Equal(t, tt.want, g.permissions, tt.text)
		require.Equal(t, [2]bool{tt.in, tt.out}, [2]bool{g.in, g.out}, tt.text)
		require.True(t, g.subnet.Contains(p2p.HostOf(netip.MustParseAddr("1.2.3.4"))), tt.text)
	}
}

// TestRefusedPermissions: the texts are those of bitcoind.
func TestRefusedPermissions(t *testing.T) {
	for _, tt := range []struct {
		whitelist, whitebind string
		want                 string
	}{
		{whitelist: "bogus@1.2.3.4", want: "Invalid P2P permission: 'bogus'"},
		{whitelist: "noban,Relay@1.2.3.4", want: "Invalid P2P permission: 'Relay'"},
		{whitelist: "in,out@1.2.3.4", want: "Only direction was set, no permissions: 'in,out@1.2.3.4'"},
		{whitelist: "out@1.2.3.4", want: "Only direction was set, no permissions: 'out@1.2.3.4'"},
		{whitelist: "noban@1.2.3.4:230", want: "Invalid netmask specified in -whitelist: '1.2.3.4:230'"},
		{whitelist: "1.2.3.4/33", want: "Invalid netmask specified in -whitelist: '1.2.3.4/33'"},
		{whitelist: "", want: "Invalid netmask specified in -whitelist: ''"},
		{whitebind: "bogus@127.0.0.1:7", want: "Invalid P2P permission: 'bogus'"},
		{whitebind: "in@127.0.0.1:7", want: "Only direction was set, no permissions: 'in@127.0.0.1:7'"},
		{whitebind: "noban,out@127.0.0.1:7", want: `whitebind may only be used for incoming connections ("out" was passed)`},
		{whitebind: "127.0.0.1", want: "Need to specify a port with -whitebind: '127.0.0.1'"},
		{whitebind: "noban@[::1]", want: "Need to specify a port with -whitebind: '[::1]'"},
		{whitebind: "noban@127.0.0.1:0", want: "Need to specify a port with -whitebind: '127.0.0.1:0'"},
		{whitebind: "noban@127.0.0.1/10", want: "Cannot resolve -whitebind address: '127.0.0.1/10'"},
		{whitebind: "localhost:7", want: "Cannot resolve -whitebind address: 'localhost:7'"},
	} {
		cfg := Config{Whitelist: []string{tt.whitelist}}
		if tt.whitebind != "" {
			cfg = Config{Whitebind: []string{tt.whitebind}}
		}
		_, err := parseGrants(cfg)
		require.EqualError(t, err, tt.want)
	}
}

func TestPermissionsOfAConnectionAreThoseOfAllItsGrants(t *testing.T) {
	grants, err := parseGrants(Config{
		Whitelist: []string{"noban@10.0.0.0/8", "addr@10.1.0.0/16", "out,relay@10.1.2.3"},
		Whitebind: []string{"mempool@127.0.0.1:8444"},
	})
	require.NoError(t, err)
	bound, other := p2p.ParseEndpoint("127.0.0.1:8444"), p2p.ParseEndpoint("127.0.0.1:8333")
	remote := p2p.ParseEndpoint
	require.Equal(t, p2p.NoBan|p2p.Download, permissionsFor(grants, remote("10.9.9.9:1"), other, true))
	require.Equal(t, p2p.NoBan|p2p.Download|p2p.Addr|p2p.Mempool, permissionsFor(grants, remote("[::ffff:10.1.2.3]:1"), bound, true))
	require.Equal(t, p2p.Relay, permissionsFor(grants, remote("10.1.2.3:1"), bound, false), "what is for incoming connections is not for others")
	require.Zero(t, permissionsFor(grants, remote("11.1.2.3:1"), other, true))
}
