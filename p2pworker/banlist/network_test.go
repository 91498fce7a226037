package banlist

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// A ban may be of a whole network, and of inbound connections only; both survive the
// file.
func TestBansOfNetworksAndDirections(t *testing.T) {
	var l List
	onions, err := ParseBan("onion", false)
	require.NoError(t, err)
	require.True(t, onions.WholeNetwork() && onions.IsValid())
	require.Equal(t, "onion", onions.String())
	_, err = ParseSubnet("onion", false)
	require.Error(t, err, "permissions are not given to networks")
	_, err = ParseBan("tor", false)
	require.Error(t, err)
	onion := host(t, "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion")
	l.Ban(onions, at(1), at(500))
	l.BanInbound(subnet(t, "1.2.0.0/16"), at(1), at(500))
	raw, err := l.Encode(at(100))
	require.NoError(t, err)
	var again List
	require.NoError(t, again.Decode(raw, false))
	require.Equal(t, l.Entries(at(100)), again.Entries(at(100)))
	require.True(t, again.Banned(onion, at(100)) && again.BannedOutbound(onion, at(100)))
	require.True(t, again.Banned(host(t, "1.2.3.4"), at(100)))
	require.False(t, again.BannedOutbound(host(t, "1.2.3.4"), at(100)))
	require.False(t, again.Banned(host(t, "1.3.3.4"), at(100)))
	require.True(t, again.Unban(onions))
}

// A ban of inbound connections is in the way of none of all, however long it lasts, and
// is there again when that has ended.
func TestBansOfBothReaches(t *testing.T) {
	var l List
	net, h := subnet(t, "1.2.0.0/16"), host(t, "1.2.3.4")
	l.BanInbound(net, at(1), at(500))
	l.Ban(net, at(2), at(300))
	require.True(t, l.BannedOutbound(h, at(299)) && l.BannedSubnetOutbound(net, at(299)))
	require.False(t, l.BannedOutbound(h, at(300)) || l.BannedSubnetOutbound(net, at(300)))
	require.True(t, l.Banned(h, at(499)) && l.BannedSubnet(net, at(499)))
	list := l.Entries(at(100))
	require.Equal(t, []Entry{{net, 2, 300, false}, {net, 1, 500, true}}, list)
	raw, err := l.Encode(at(100))
	require.NoError(t, err)
	var again List
	require.NoError(t, again.Decode(raw, false))
	require.Equal(t, list, again.Entries(at(100)))
	require.True(t, l.Unban(net))
	require.False(t, l.Banned(h, at(100)) || l.Unban(net))
}

// A host is banned exactly if one of the bans covers it, whatever else was banned,
// unbanned or has ended.
func TestBansAreFoundByTheirSizes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	few := func() p2p.Host { // of a few addresses, close to each other
		switch random.IntN(5) {
		case 0:
			return host(t, "fc00::1").ToCJDNS()
		case 1:
			return host(t, "2a00::"+[]string{"", "1:0:", "8000:0:"}[random.IntN(3)]+"1")
		case 2:
			return host(t, "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion")
		}
		return p2p.HostOf(netip.AddrFrom4([4]byte{byte(random.IntN(2)), 0, 0, byte(1 + random.IntN(3))}))
	}
	var l List
	found := map[bool]int{}
	for i := range int64(20_000) {
		h := few()
		s := SubnetOf(h)
		if ip, ok := h.IP(); ok && h.Network() != p2p.CJDNS && random.IntN(3) > 0 {
			prefix, err := ip.Prefix(random.IntN(ip.BitLen() + 1))
			require.NoError(t, err)
			s = SubnetOfPrefix(prefix)
		} else if random.IntN(5) == 0 {
			s = SubnetOfNetwork(h.Network())
		}
		switch random.IntN(4) {
		case 0:
			l.Ban(s, at(i), at(i+random.Int64N(20)))
		case 1:
			l.BanInbound(s, at(i), at(i+random.Int64N(20)))
		case 2:
			l.Unban(s)
		case 3:
			l.Entries(at(i))
		}
		asked, want, wantOut := few(), false, false
		for _, e := range l.bans {
			if e.Until > i && e.Subnet.Contains(asked) {
				want, wantOut = true, wantOut || !e.InboundOnly
			}
		}
		require.Equal(t, want, l.Banned(asked, at(i)))
		require.Equal(t, wantOut, l.BannedOutbound(asked, at(i)))
		found[want]++
		sum := 0
		for _, n := range l.sizes {
			sum += n
		}
		require.Len(t, l.bans, sum)
	}
	require.Greater(t, min(found[true], found[false]), 1000)
}

// A list of a million bans, such as some import, costs a question no more than one of a
// dozen (CVE-2020-14198).
func BenchmarkBanned(b *testing.B) {
	for name, bans := range map[string]int{"dozen": 12, "million": 1_000_000} {
		b.Run(name, func(b *testing.B) {
			var l List
			ip := netip.MustParseAddr("2a00::")
			for range bans {
				l.Ban(SubnetOf(p2p.HostOf(ip)), at(0), at(10))
				ip = ip.Next()
			}
			asked := p2p.HostOf(netip.MustParseAddr("2b00::1"))
			for b.Loop() {
				if l.Banned(asked, at(5)) {
					b.Fatal("banned")
				}
			}
		})
	}
}

// A ban may be of an autonomous system, if somebody tells which hosts are in it.
func TestBansOfSystems(t *testing.T) {
	system, err := ParseBan("AS64496", false)
	require.NoError(t, err)
	require.True(t, system.IsValid())
	require.Equal(t, "AS64496", system.String())
	for _, bad := range []string{"AS", "AS0", "AS-1", "AS4294967296", "as64496"} {
		_, err := ParseBan(bad, false)
		require.Error(t, err, bad)
	}
	inside, outside := host(t, "1.2.3.4"), host(t, "1.2.3.5")
	var l List
	l.BanInbound(system, at(1), at(500))
	require.False(t, l.Banned(inside, at(100)), "nobody tells")
	l.System = func(h p2p.Host) uint32 {
		if h == inside {
			return 64496
		}
		return 0
	}
	raw, err := l.Encode(at(100))
	require.NoError(t, err)
	require.NoError(t, l.Decode(raw, false))
	require.True(t, l.Banned(inside, at(100)))
	require.False(t, l.BannedOutbound(inside, at(100)))
	require.False(t, l.Banned(outside, at(100)))
	require.True(t, l.Covers(system, inside))
	require.False(t, l.Covers(system, outside))
	require.True(t, l.Unban(system))
	require.False(t, l.Banned(inside, at(100)))
}
