package banlist

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func at(s int64) time.Time { return time.Unix(s, 0) }

func TestParseSubnet(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3.4": "1.2.3.4/32", "1.2.3.4/24": "1.2.3.0/24", "1.2.3.4/255.255.0.0": "1.2.0.0/16",
		"::1": "::1/128", "2001:db8::/32": "2001:db8::/32", "::ffff:1.2.3.4": "1.2.3.4/32", "1.2.3.4/0": "0.0.0.0/0",
	} {
		p, err := ParseSubnet(text)
		require.NoError(t, err, text)
		require.Equal(t, want, p.String())
	}
	for _, text := range []string{"", "test", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/255.0.255.0", "::1/129", "1.2.3.4/-1", "fe80::1%eth0"} {
		_, err := ParseSubnet(text)
		require.Error(t, err, text)
	}
}

func TestBansHoldUntilTheyEnd(t *testing.T) {
	var l List
	net16 := netip.MustParsePrefix("1.2.0.0/16")
	l.Ban(net16, at(100), at(200))
	l.Ban(net16, at(100), at(150))
	ip := netip.MustParseAddr("1.2.3.4")
	require.True(t, l.Banned(ip, at(199)))
	require.False(t, l.Banned(ip, at(200)))
	require.False(t, l.Banned(netip.MustParseAddr("1.3.0.1"), at(100)))
	require.True(t, l.BannedSubnet(net16, at(199)))
	require.False(t, l.BannedSubnet(netip.MustParsePrefix("1.2.3.4/32"), at(199)))
	require.False(t, l.Unban(netip.MustParsePrefix("1.2.3.0/24")))
	require.True(t, l.Unban(net16))
	require.Empty(t, l.Entries(at(100)))
}

func TestFileRoundTripKeepsOtherNetworks(t *testing.T) {
	raw := []byte(`{"banned_nets":[{"version":1,"ban_created":5,"banned_until":500,"address":"1.2.3.4/32"},
		{"version":1,"ban_created":5,"banned_until":9,"address":"9.9.9.9/32"},
		{"version":1,"ban_created":6,"banned_until":600,"address":"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"}]}`)
	var l, again List
	require.NoError(t, l.Decode(raw))
	out, err := l.Encode(at(100))
	require.NoError(t, err)
	require.NoError(t, again.Decode(out))
	require.Equal(t, []Entry{{netip.MustParsePrefix("1.2.3.4/32"), 5, 500}}, again.Entries(at(100)))
	require.Contains(t, string(out), ".onion")
	require.Error(t, l.Decode([]byte("{")))
}

func TestDiscouragedAreBounded(t *testing.T) {
	var l List
	first := netip.MustParseAddr("1.1.1.1")
	l.Discourage(first)
	require.True(t, l.Discouraged(first))
	ip := netip.MustParseAddr("2.0.0.0")
	for range maxDiscouraged {
		l.Discourage(ip)
		ip = ip.Next()
	}
	require.False(t, l.Discouraged(first))
	require.LessOrEqual(t, len(l.young)+len(l.old), maxDiscouraged)
}
