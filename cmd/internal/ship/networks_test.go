package ship

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

// find knows one name.
func find(name string) (netip.Addr, error) {
	if name == "tor" {
		return netip.MustParseAddr("10.1.1.1"), nil
	}
	return netip.Addr{}, errors.New("no such name")
}

// proxiesOf lists proxies as "network address", names having no network.
func proxiesOf(n manager.Networks) (list []string) {
	for _, p := range n.Proxies {
		list = append(list, strings.TrimSpace(p.Network.Name()+" "+p.Address))
	}
	return list
}

func everywhere(address string) []string {
	return []string{"ipv4 " + address, "ipv6 " + address, "onion " + address, "cjdns " + address, address}
}

func TestProxies(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want []string
	}{
		{nil, nil},
		{[]string{"-proxy=127.0.0.1"}, everywhere("127.0.0.1:9050")},
		{[]string{"-proxy=[::1]:1"}, everywhere("[::1]:1")},
		{[]string{"-proxy=tor:9150"}, everywhere("10.1.1.1:9150")},
		{[]string{"-proxy=unix:/run/tor/socks"}, everywhere("unix:/run/tor/socks")},
		{[]string{"-proxy=127.0.0.1:1", "-noproxy"}, nil},
		{[]string{"-proxy=127.0.0.1:1", "-proxy=0"}, nil},
		{[]string{"-proxy=1.1.1.1:1=IPv6"}, []string{"ipv6 1.1.1.1:1", "1.1.1.1:1"}},
		{[]string{"-proxy=1.1.1.1:1=tor"}, []string{"onion 1.1.1.1:1"}},
		{[]string{"-proxy=1.1.1.1:1", "-proxy=0=cjdns", "-proxy=2.2.2.2:2=ipv4"}, []string{"ipv4 2.2.2.2:2", "ipv6 1.1.1.1:1", "onion 1.1.1.1:1", "2.2.2.2:2"}},
		{[]string{"-onion=unix:a b"}, []string{"onion unix:a b"}},
		{[]string{"-proxy=1.1.1.1:1", "-onion=2.2.2.2"}, []string{"ipv4 1.1.1.1:1", "ipv6 1.1.1.1:1", "onion 2.2.2.2:9050", "cjdns 1.1.1.1:1", "1.1.1.1:1"}},
		{[]string{"-proxy=1.1.1.1:1", "-noonion"}, []string{"ipv4 1.1.1.1:1", "ipv6 1.1.1.1:1", "cjdns 1.1.1.1:1", "1.1.1.1:1"}},
		{[]string{"-i2psam=127.0.0.1", "-i2pacceptincoming=0"}, []string{"i2p 127.0.0.1:7656"}},
		{[]string{"-i2psam=tor:1", "-listen=0"}, []string{"i2p 10.1.1.1:1"}},
		{[]string{"-i2psam=0"}, nil},
	} {
		s, _ := settingsOf(t, tc.args...)
		n, _, err := networksOf(s, find)
		require.NoError(t, err, tc.args)
		require.Equal(t, tc.want, proxiesOf(n), tc.args)
		for _, p := range n.Proxies {
			require.Equal(t, p.Network != p2p.I2P, p.Randomize)
		}
	}
	s, _ := settingsOf(t, "-proxy=127.0.0.1", "-proxyrandomize=0")
	n, _, err := networksOf(s, find)
	require.NoError(t, err)
	require.False(t, n.Proxies[0].Randomize)
	s, _ = settingsOf(t, "-proxy=unix:a", "-onion=unix:b", "-proxy=1.1.1.1=ipv6")
	n, _, err = networksOf(s, find)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, socketPaths(n))
}

func TestWhichNetworksAreReachable(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want []p2p.NetworkID
		seed bool
	}{
		{nil, []p2p.NetworkID{p2p.IPv4, p2p.IPv6}, true},
		{[]string{"-onion=127.0.0.1"}, []p2p.NetworkID{p2p.IPv4, p2p.IPv6, p2p.TorV3}, true},
		{[]string{"-proxy=127.0.0.1", "-cjdnsreachable"}, []p2p.NetworkID{p2p.IPv4, p2p.IPv6, p2p.TorV3, p2p.CJDNS}, true},
		{[]string{"-proxy=127.0.0.1", "-onlynet=Onion"}, []p2p.NetworkID{p2p.TorV3}, false},
		{[]string{"-onlynet=ipv6", "-onlynet=cjdns", "-cjdnsreachable"}, []p2p.NetworkID{p2p.IPv6, p2p.CJDNS}, true},
		{[]string{"-i2psam=127.0.0.1", "-listen=0", "-onlynet=i2p"}, []p2p.NetworkID{p2p.I2P}, false},
		{[]string{"-i2psam=127.0.0.1", "-listen=0", "-onlynet=i2p", "-privatebroadcast"}, []p2p.NetworkID{p2p.I2P}, false},
		{[]string{"-privatebroadcast"}, []p2p.NetworkID{p2p.IPv4, p2p.IPv6}, true}, // Tor may come with its daemon
		{[]string{"-connect=1.2.3.4"}, []p2p.NetworkID{p2p.IPv4, p2p.IPv6}, false},
		{[]string{"-connect=1.2.3.4", "-dnsseed"}, []p2p.NetworkID{p2p.IPv4, p2p.IPv6}, true},
		{[]string{"-maxconnections=0"}, []p2p.NetworkID{p2p.IPv4, p2p.IPv6}, false},
	} {
		s, _ := settingsOf(t, tc.args...)
		n, _, err := networksOf(s, find)
		require.NoError(t, err, tc.args)
		require.Equal(t, tc.want, n.Reachable, tc.args)
		require.Equal(t, tc.seed, seeding(s, n), tc.args)
	}
}

// TestNetworkComplaints: the texts are Bitcoin Core's.
func TestNetworkComplaints(t *testing.T) {
	long := "unix:" + strings.Repeat("x", maxSocketPath)
	for want, args := range map[string][]string{
		"Invalid -proxy address or hostname: 'nowhere:1'":                       {"-proxy=nowhere:1"},
		"Invalid -proxy address or hostname: 'tor'":                             {"-proxy=tor", "-dns=0"},
		"Invalid -proxy address or hostname: '" + long + "'":                    {"-proxy=" + long + "=ipv4"},
		"Invalid -onion address or hostname: 'x.onion'":                         {"-onion=x.onion"},
		"Invalid -proxy address or hostname, ends with '=': '127.0.0.1:9050='":  {"-proxy=127.0.0.1:9050="},
		"Unrecognized network in -proxy='127.0.0.1:9050=foo': 'foo'":            {"-proxy=127.0.0.1:9050=foo"},
		"Unrecognized network in -proxy='127.0.0.1:9050=i2p': 'i2p'":            {"-proxy=127.0.0.1:9050=i2p"},
		"Invalid -i2psam address or hostname: 'unix:/sam'":                      {"-i2psam=unix:/sam", "-listen=0"},
		"Unknown network specified in -onlynet: 'abc'":                          {"-onlynet=abc"},
		"(-onlynet=cjdns) but -cjdnsreachable is not provided":                  {"-onlynet=cjdns"},
		"but none of Tor or I2P networks is reachable":                          {"-privatebroadcast", "-listenonion=0"},
		"(-privatebroadcast), but -connect is also configured":                  {"-privatebroadcast", "-connect=1.2.3.4", "-onion=127.0.0.1"},
		"(-onlynet=i2p) but -i2psam is not provided":                            {"-onlynet=i2p"},
		"the proxy for reaching the Tor network is explicitly forbidden":        {"-onlynet=onion", "-noonion"},
		"none of -proxy, -onion or -listenonion is given":                       {"-onlynet=onion", "-listenonion=0"},
		"-dnsseed=1 was explicitly specified, but -onlynet forbids connections": {"-onlynet=onion", "-proxy=127.0.0.1", "-dnsseed"},
	} {
		s, _ := settingsOf(t, args...)
		_, _, err := networksOf(s, find)
		require.ErrorContains(t, err, want)
	}
	for want, args := range map[string][]string{
		"Invalid port specified in -proxy: '192.0.0.1:def'":    {"-proxy=192.0.0.1:def"},
		"Invalid port specified in -proxy: '192.0.0.1:0=ipv4'": {"-proxy=192.0.0.1:0=ipv4"},
		"Invalid port specified in -i2psam: '192.0.0.1:def'":   {"-i2psam=192.0.0.1:def"},
		"Invalid port specified in -onion: '192.0.0.1:def'":    {"-onion=192.0.0.1:def"},
	} {
		s, _ := settingsOf(t, args...)
		require.EqualError(t, checkPorts(s), want)
	}
	s, _ := settingsOf(t, "-proxy=unix:/a:b", "-onion=unix:/a:b")
	require.NoError(t, checkPorts(s))
}

func TestOnionServiceSettings(t *testing.T) {
	target := netip.MustParseAddrPort("127.0.0.1:8334")
	for _, tc := range []struct {
		args []string
		want manager.TorControl
	}{
		{nil, manager.TorControl{Address: "127.0.0.1:9051", Target: target, Proxy: true, Randomize: true}},
		{[]string{"-torcontrol=tor:1", "-torpassword=secret", "-onion=127.0.0.1"}, manager.TorControl{Address: "10.1.1.1:1", Password: "secret", Target: target, Randomize: true}},
		{[]string{"-onlynet=ipv4"}, manager.TorControl{Address: "127.0.0.1:9051", Target: target, Randomize: true}},
		{[]string{"-onlynet=onion"}, manager.TorControl{Address: "127.0.0.1:9051", Target: target, Proxy: true, Randomize: true}},
		{[]string{"-noonion"}, manager.TorControl{Address: "127.0.0.1:9051", Target: target, Randomize: true}},
		{[]string{"-proxy=127.0.0.1"}, manager.TorControl{}},
		{[]string{"-listen=0"}, manager.TorControl{}},
		{[]string{"-listenonion=0"}, manager.TorControl{}},
	} {
		s, _ := settingsOf(t, tc.args...)
		_, awaited, err := networksOf(s, find)
		require.NoError(t, err)
		got, err := torControl(s, find, awaited, target)
		require.NoError(t, err)
		require.Equal(t, tc.want, got, tc.args)
	}
	for want, args := range map[string][]string{
		"Cannot set -listen=0 together with -listenonion=1":    {"-listen=0", "-listenonion"},
		"Invalid -torcontrol address or hostname: 'nowhere:1'": {"-torcontrol=nowhere:1"},
	} {
		s, _ := settingsOf(t, args...)
		_, err := torControl(s, find, false, target)
		require.EqualError(t, err, want)
	}
}
