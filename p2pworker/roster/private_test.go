package roster

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Connections for one transaction each count until they have it, take no automatic slot,
// and are bounded.
func TestPrivateConnections(t *testing.T) {
	limits := DefaultLimits()
	limits.Private = 4
	r := New(limits)
	require.Equal(t, limits.Total+limits.Manual+4, r.Most())
	r.AddWorker("w", 0, nil)
	full := r.Wanted(p2p.FullRelay)
	require.Equal(t, 3, r.MissingPrivate(3))
	require.Equal(t, 4, r.MissingPrivate(30))
	dial := func(n int) uint64 {
		id, _, ok := r.Dial(fmt.Sprintf("1.2.3.%d:8333", n), p2p.PrivateBroadcast, false)
		require.True(t, ok)
		require.Equal(t, p2p.PrivateBroadcast, r.DialKind(id))
		return id
	}
	first := dial(1)
	require.Equal(t, 2, r.MissingPrivate(3))
	p, _, refusal := r.Open(start(), Opened{Worker: "w", Dial: first, Remote: from(1)})
	require.Empty(t, refusal)
	require.Equal(t, p2p.PrivateBroadcast, p.Kind)
	require.Empty(t, r.DialKind(first))
	require.Equal(t, 2, r.MissingPrivate(3), "it has not got its transaction")
	r.SetReady(p.ID)
	require.Equal(t, 2, r.MissingPrivate(2), "now the node counts it no more")
	require.Equal(t, 3, r.MissingPrivate(30))
	require.Equal(t, full, r.Wanted(p2p.FullRelay))
	require.Zero(t, r.Wanted(p2p.PrivateBroadcast))
	require.Zero(t, r.MissingPrivate(0))
	r.SetActive(false)
	require.Zero(t, r.MissingPrivate(3))
}
