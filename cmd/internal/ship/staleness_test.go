package ship

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

func TestSilenceIsToldOnceAndItsEndToo(t *testing.T) {
	after := func(silence time.Duration) []broker.LinkStats {
		return []broker.LinkStats{
			{Identity: broker.Identity{Instance: "node"}, Stats: link.Stats{Silence: silence}, Waiting: 3},
			{Identity: broker.Identity{Instance: "peers"}},
		}
	}
	var l staleness
	require.Empty(t, l.report(after(11*time.Second)), "a ping has just been sent")
	require.Equal(t, []string{"node has not answered for 40 s; 3 calls wait for it"}, l.report(after(40*time.Second)))
	require.Empty(t, l.report(after(50*time.Second)))
	require.Equal(t, []string{"node answers again"}, l.report(after(0)))
	require.Empty(t, l.report(after(0)))
	require.Len(t, l.report(after(stale)), 1)
	require.Empty(t, l.report(nil), "one that is gone is told of elsewhere")
}
