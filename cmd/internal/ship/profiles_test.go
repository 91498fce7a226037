package ship

import (
	"net/netip"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

func TestListenProfiles(t *testing.T) {
	const node = wire.SFNodeNetwork | wire.SFNodeNetworkLimited | wire.SFNodeWitness | wire.SFNodeP2PV2
	at := netip.MustParseAddrPort
	for text, want := range map[string]manager.Profile{
		"local:127.0.0.1:8999":      {Name: "local", Bind: at("127.0.0.1:8999"), Services: node, Slots: 8, Permissions: localPermissions, Exempt: true},
		"local:127.0.0.1,slots=2":   {Name: "local", Bind: at("127.0.0.1:8333"), Services: node, Slots: 2, Permissions: localPermissions, Exempt: true},
		"filters:[::1]:7":           {Name: "filters", Bind: at("[::1]:7"), Services: wire.SFNodeCF | wire.SFNodeWitness | wire.SFNodeP2PV2, Slots: 32},
		"limited:0.0.0.0:7,slots=1": {Name: "limited", Bind: at("0.0.0.0:7"), Services: wire.SFNodeNetworkLimited | wire.SFNodeWitness | wire.SFNodeP2PV2, Slots: 1},
		"shop:1.2.3.4:5,services=limited+filters,permissions=relay+mempool,download=5k,upload=1M": {Name: "shop", Bind: at("1.2.3.4:5"),
			Services: wire.SFNodeNetworkLimited | wire.SFNodeCF | wire.SFNodeP2PV2, Slots: 32, Permissions: p2p.Relay | p2p.Mempool, Rates: p2p.Rates{5000, 1 << 20}},
	} {
		got, err := listenProfile(text, 8333, node)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "local", "Local:127.0.0.1", "x:", "x:host:1", "x:127.0.0.1:0", "x:127.0.0.1,slots=0", "x:127.0.0.1,slots=-1",
		"x:127.0.0.1,services=all", "x:127.0.0.1,permissions=", "x:127.0.0.1,upload=fast", "x:127.0.0.1,color=red", "x:127.0.0.1,"} {
		_, err := listenProfile(text, 8333, node)
		require.Error(t, err, text)
	}
}
