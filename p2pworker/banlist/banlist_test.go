package banlist

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func at(s int64) time.Time { return time.Unix(s, 0) }

const onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"

func host(t *testing.T, text string) p2p.Host {
	t.Helper()
	h, ok := p2p.ParseHost(text)
	require.True(t, ok)
	return h
}

func subnet(t *testing.T, text string) Subnet {
	t.Helper()
	s, err := ParseSubnet(text, false)
	require.NoError(t, err)
	return s
}

// TestCJDNSHasNoSubnets, unlike the private addresses of IPv6 that look the same.
func TestCJDNSHasNoSubnets(t *testing.T) {
	own, err := ParseSubnet("fc00::1", true)
	require.NoError(t, err)
	require.Equal(t, "fc00::1", own.String())
	require.True(t, own.Contains(host(t, "fc00::1").ToCJDNS()))
	require.False(t, own.Contains(host(t, "fc00::1")))
	require.False(t, own.Contains(host(t, "fc00::2").ToCJDNS()))
	require.False(t, own.Contains(p2p.Host{}))
	_, err = ParseSubnet("fc00::/8", true)
	require.Error(t, err)
	private := subnet(t, "fc00::/8")
	require.True(t, private.Contains(host(t, "fc00::1")))
	require.False(t, private.Contains(host(t, "fc00::1").ToCJDNS()))
	everything := subnet(t, "::/0")
	require.True(t, everything.Contains(host(t, "2a00::1")))
	require.False(t, everything.Contains(host(t, "1.2.3.4")))
	require.False(t, Subnet{}.IsValid())
	require.False(t, Subnet{}.Contains(p2p.Host{}))
}

func TestParseSubnet(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3.4": "1.2.3.4/32", "1.2.3.4/24": "1.2.3.0/24", "1.2.3.4/255.255.0.0": "1.2.0.0/16",
		"1.2.3.4/255.255.255.255": "1.2.3.4/32", "2a00:1::/ffff::": "2a00::/16", "127.1/8": "127.0.0.0/8", onion: onion, "::1": "::1/128", "2001:db8::/32": "2001:db8::/32", "::ffff:1.2.3.4": "1.2.3.4/32", "1.2.3.4/0": "0.0.0.0/0",
	} {
		p, err := ParseSubnet(text, false)
		require.NoError(t, err, text)
		require.Equal(t, want, p.String())
	}
	for _, text := range []string{"", "test", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/255.0.255.0", "::1/129", "::1/ffff:0:ffff::", "::1/255.0.0.0", onion + "/1", onion + "/", "1.2.3.4/-1", "fe80::1%eth0"} {
		_, err := ParseSubnet(text, false)
		require.Error(t, err, text)
	}
}

func TestBansHoldUntilTheyEnd(t *testing.T) {
	var l List
	net16 := subnet(t, "1.2.0.0/16")
	l.Ban(net16, at(100), at(200))
	l.Ban(net16, at(100), at(150))
	ip := host(t, "1.2.3.4")
	require.True(t, l.Banned(ip, at(199)))
	require.False(t, l.Banned(ip, at(200)))
	require.False(t, l.Banned(host(t, "1.3.0.1"), at(100)))
	require.True(t, l.BannedSubnet(net16, at(199)))
	require.False(t, l.BannedSubnet(subnet(t, "1.2.3.4/32"), at(199)))
	require.False(t, l.Unban(subnet(t, "1.2.3.0/24")))
	require.True(t, l.Unban(net16))
	require.Empty(t, l.Entries(at(100)))
}

func TestFileRoundTripKeepsOtherNetworks(t *testing.T) {
	raw := []byte(`{"banned_nets":[{"version":1,"ban_created":5,"banned_until":500,"address":"1.2.3.4/32"},
		{"version":1,"ban_created":5,"banned_until":9,"address":"9.9.9.9/32"},
		{"version":1,"ban_created":7,"banned_until":700,"address":"of.a.later.version"},
		{"version":1,"ban_created":6,"banned_until":600,"address":"` + onion + `"}]}`)
	var l, again List
	require.NoError(t, l.Decode(raw, false))
	out, err := l.Encode(at(100))
	require.NoError(t, err)
	require.NoError(t, again.Decode(out, false))
	require.Equal(t, []Entry{{subnet(t, "1.2.3.4/32"), 5, 500, false}, {subnet(t, onion), 6, 600, false}}, again.Entries(at(100)))
	require.Contains(t, string(out), "of.a.later.version")
	require.True(t, again.Banned(host(t, onion), at(100)))
	require.Error(t, l.Decode([]byte("{"), false))
}

func TestDiscouragedAreBounded(t *testing.T) {
	var l List
	first := host(t, "1.1.1.1")
	l.Discourage(first)
	require.True(t, l.Discouraged(first))
	ip := netip.MustParseAddr("2.0.0.0")
	for range maxDiscouraged {
		l.Discourage(p2p.HostOf(ip))
		ip = ip.Next()
	}
	require.False(t, l.Discouraged(first))
	require.LessOrEqual(t, len(l.young)+len(l.old), maxDiscouraged)
}
