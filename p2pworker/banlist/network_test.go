package banlist

import (
	"testing"

	"github.com/stretchr/testify/require"
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
