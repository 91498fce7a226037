package p2pworker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// A private connection is not made without a proxy, whatever is ordered: its peer would
// see the address of this machine.
func TestAPrivateConnectionNeedsAProxy(t *testing.T) {
	for _, target := range []string{"127.0.0.1:8333", "node.example:8333", "2a00::1"} {
		_, err := (&worker{}).connect(t.Context(), p2p.DialOrder{Target: target, Kind: p2p.PrivateBroadcast})
		require.ErrorIs(t, err, errNoProxy)
	}
}
