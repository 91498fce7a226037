package p2p_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Addresses that others use as examples, too.
const (
	onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
	i2p   = "c4gfnttsuwqomiygupdqqqyy5y5emnk5c73hrfvatri67prd7vyq.b32.i2p"
)

func host(t *testing.T, text string) p2p.Host {
	t.Helper()
	h, ok := p2p.ParseHost(text)
	require.True(t, ok, text)
	return h
}

func TestHostsOfEveryNetwork(t *testing.T) {
	for _, tt := range []struct {
		text    string
		written string // "" for the same
		network p2p.NetworkID
		name    string
	}{
		{"8.8.8.8", "", p2p.IPv4, "ipv4"},
		{"127.1", "127.0.0.1", p2p.IPv4, "not_publicly_routable"},
		{"1.2.3", "1.2.0.3", p2p.IPv4, "ipv4"},
		{"::ffff:8.8.8.8", "8.8.8.8", p2p.IPv4, "ipv4"},
		{"2A00:0::1", "2a00::1", p2p.IPv6, "ipv6"},
		{"fc00::1", "", p2p.IPv6, "not_publicly_routable"},
		{onion, "", p2p.TorV3, "onion"},
		{strings.ToUpper(onion), onion, p2p.TorV3, "onion"},
		{i2p, "", p2p.I2P, "i2p"},
	} {
		h := host(t, tt.text)
		if tt.written == "" {
			tt.written = tt.text
		}
		require.Equal(t, tt.written, h.String())
		require.Equal(t, tt.network, h.Network(), tt.text)
		require.Equal(t, tt.name, h.NetworkName(), tt.text)
		again, ok := p2p.NewHost(h.Network(), h.Raw())
		require.True(t, ok)
		require.Equal(t, h, again)
	}
	cjdns := host(t, "fc00::1").ToCJDNS()
	require.Equal(t, "cjdns", cjdns.NetworkName())
	require.Equal(t, "fc00::1", cjdns.String())
	require.Equal(t, host(t, "2a00::1"), host(t, "2a00::1").ToCJDNS())
}

// TestWhatIsNoHost: names, and addresses that somebody has mistyped.
func TestWhatIsNoHost(t *testing.T) {
	for _, text := range []string{
		"", "node.example", "1.2.3.4.5", "1.2.3.400", "1", "127.99999999", "fe80::1%eth0", "0x7f.1",
		"expyuzz4wqqyqhjn.onion",                   // version 2
		"q" + onion[1:],                            // another key than that of the checksum
		onion[:55] + "e" + ".onion",                // another version
		onion[:54] + "=" + onion[55:], " " + onion, //
		i2p[1:], "a" + i2p, i2p[:51] + "r.b32.i2p", // bits that are not used
		"www.i2p", ".onion", ".b32.i2p", "x.onion.", //
	} {
		_, ok := p2p.ParseHost(text)
		require.False(t, ok, text)
	}
	for _, network := range append(p2p.Networks(), 0, 3, 99) {
		_, ok := p2p.NewHost(network, make([]byte, 5))
		require.False(t, ok)
	}
	_, ok := p2p.NewHost(p2p.CJDNS, make([]byte, 16))
	require.False(t, ok, "CJDNS is fc00::/8")
	require.False(t, p2p.HostOf(netip.Addr{}).IsValid())
	require.Equal(t, "not_publicly_routable", p2p.Host{}.NetworkName())
}

func TestLocalHosts(t *testing.T) {
	for text, local := range map[string]bool{"127.1": true, "0.1.2.3": true, "::1": true, "10.0.0.1": false, "::2": false, onion: false} {
		require.Equal(t, local, host(t, text).IsLocal(), text)
	}
	require.False(t, p2p.Host{}.IsLocal())
}

func TestNamesThatAreNotToBeLookedUp(t *testing.T) {
	for name, hidden := range map[string]bool{
		onion: true, "x.ONION": true, "x.onion.": true, "www.i2p": true, "onion": false, "onion.example": false,
	} {
		require.Equal(t, hidden, p2p.IsHidden(name), name)
	}
}

// TestGroups: who owns a group could have all addresses of it.
func TestGroups(t *testing.T) {
	for _, same := range [][]string{
		{"8.8.1.1", "8.8.255.1", "64:ff9b::808:1", "2002:0808:1::1", "2001:0:1:1:1:1:f7f7:1"},
		{"2a00:1::1", "2a00:1:ffff::"},
		{"2001:470:1000::", "2001:470:1fff::"},
		{"127.0.0.1", "10.0.0.1", "fc00::1", "::1", "192.0.2.1"},
	} {
		for _, text := range same {
			require.Equal(t, host(t, same[0]).Group(), host(t, text).Group(), text)
		}
	}
	seen := map[string]string{}
	for _, text := range []string{"8.8.1.1", "8.9.1.1", "2a00:1::", "2a00:2::", "2001:470:1000::", "2001:470:2000::", "10.0.0.1", onion, i2p} {
		group := host(t, text).Group()
		require.Empty(t, seen[group], text)
		seen[group] = text
	}
	require.NotEqual(t, host(t, "fc00::1").ToCJDNS().Group(), host(t, "fc10::1").ToCJDNS().Group())
	require.Equal(t, host(t, "fc00::1").ToCJDNS().Group(), host(t, "fc0f::1").ToCJDNS().Group())
}

func TestEndpoints(t *testing.T) {
	for _, text := range []string{"1.2.3.4:5", "[2a00::1]:8333", onion + ":8333", i2p + ":0"} {
		e := p2p.ParseEndpoint(text)
		require.True(t, e.IsValid())
		require.Equal(t, text, e.String())
		require.Equal(t, e, e.NetAddr(0, 0).Endpoint())
	}
	for _, text := range []string{"", "1.2.3.4", "a:1", "1.2.3.4:x", "1.2.3.4:65536"} {
		require.Equal(t, p2p.Endpoint{}, p2p.ParseEndpoint(text), text)
	}
	require.Empty(t, p2p.Endpoint{}.String())
	_, isIP := p2p.ParseEndpoint(onion + ":1").AddrPort()
	require.False(t, isIP)
	for _, a := range []p2p.NetAddr{{}, {Network: p2p.TorV3, Host: []byte{1}}, {Network: 99, Host: make([]byte, 32)}} {
		require.Equal(t, p2p.Endpoint{}, a.Endpoint())
		require.False(t, a.Routable())
	}
}

func TestSplitHostPort(t *testing.T) {
	for text, want := range map[string]struct {
		host string
		port uint16
		ok   bool
	}{
		"a": {"a", 7, true}, "a:1": {"a", 1, true}, "[::1]": {"::1", 7, true}, "[::1]:2": {"::1", 2, true}, "::1": {"::1", 7, true},
		"a:": {"a:", 7, false}, "a:b": {"a:b", 7, false}, "a:0": {"a", 0, false}, "a:65536": {"a:65536", 7, false}, ":1": {"", 1, true}, "": {"", 7, true},
		"[": {"[", 7, true}, "]:1": {"]", 1, true},
	} {
		host, port, ok := p2p.SplitHostPort(text, 7)
		require.Equal(t, want.host, host, text)
		require.Equal(t, want.port, port, text)
		require.Equal(t, want.ok, ok, text)
	}
}

func TestNetworkNames(t *testing.T) {
	for _, n := range p2p.Networks() {
		require.Equal(t, n, p2p.NetworkNamed(strings.ToUpper(n.Name())))
	}
	require.Zero(t, p2p.NetworkNamed(""))
	require.Empty(t, p2p.NetworkID(3).Name())
}

// FuzzParseHost: what is read is written in one way only, which is read again.
func FuzzParseHost(f *testing.F) {
	for _, seed := range []string{"1.2.3.4", "::ffff:1.2.3.4", "127.1", "2a00::1", "fc00::1", onion, i2p, "x.onion", "fe80::1%1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, ok := p2p.ParseHost(text)
		if !ok {
			if h.IsValid() {
				t.Fatalf("%q is no host, and %v", text, h)
			}
			return
		}
		again, ok := p2p.ParseHost(h.String())
		if !ok || again != h {
			t.Fatalf("%q is %v, which is %v", text, h, again)
		}
		if length, _ := h.Network().AddressLength(); length != len(h.Raw()) {
			t.Fatalf("%v has %d bytes", h, len(h.Raw()))
		}
		if raw, ok := p2p.NewHost(h.Network(), h.Raw()); !ok || raw != h || !bytes.Equal(raw.Raw(), h.Raw()) {
			t.Fatalf("%v of its own bytes is %v", h, raw)
		}
		if h.Group() == "" || h.ToCJDNS().Group() == "" {
			t.Fatalf("%v has no group", h)
		}
	})
}
