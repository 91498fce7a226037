package roster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func reasons(orders []Order) (list []p2p.DisconnectReason) {
	for _, o := range orders {
		list = append(list, o.Disconnect.Code)
	}
	return list
}

// A lower limit ends as many connections as are too many, with its own reason.
func TestALowerLimitEndsConnections(t *testing.T) {
	limits := DefaultLimits()
	limits.Total = 30
	r := New(limits)
	r.AddWorker("w", 0, nil)
	for i := range 10 {
		inbound(t, r, i)
	}
	orders, ok := r.SetLimit(LimitTotal, 15)
	require.True(t, ok)
	require.Equal(t, []p2p.DisconnectReason{p2p.EndedByConnLimit, p2p.EndedByConnLimit, p2p.EndedByConnLimit, p2p.EndedByConnLimit, p2p.EndedByConnLimit, p2p.EndedByConnLimit}, reasons(orders))
	orders, ok = r.SetLimit(LimitTotal, 15)
	require.True(t, ok)
	require.Empty(t, orders, "they were told")
	orders, _ = r.SetLimit(LimitTotal, 0)
	require.Len(t, orders, 4, "even those that no newcomer would displace")
	for _, unknown := range []Pooled{"", "x", "profile:", "profile:x", "profil"} {
		_, ok = r.SetLimit(unknown, 1)
		require.False(t, ok, unknown)
	}
}

func TestALowerLimitOfOutboundConnections(t *testing.T) {
	r := New(DefaultLimits())
	r.AddWorker("w", 0, nil)
	var last int64
	for i := range 3 {
		id, _, ok := r.Dial(from(i).String(), p2p.FullRelay, false)
		require.True(t, ok)
		p, _, refusal := r.Open(start(), Opened{Worker: "w", Dial: id, Remote: from(i)})
		require.Empty(t, refusal)
		last = p.ID
	}
	orders, _ := r.SetLimit(LimitFullRelay, 2)
	require.Len(t, orders, 1)
	require.Equal(t, last, orders[0].Disconnect.Peer, "the youngest")
	require.Zero(t, r.Wanted(p2p.FullRelay))
	require.Equal(t, 2, r.Limits()[LimitFullRelay])
}

// The total bounds automatic connections as well: those that end are not made again, and
// are once there is room.
func TestTheTotalBoundsAutomaticConnections(t *testing.T) {
	r := New(DefaultLimits())
	r.AddWorker("w", 0, nil)
	for i := range 8 {
		id, _, _ := r.Dial(from(i).String(), p2p.FullRelay, false)
		_, _, refusal := r.Open(start(), Opened{Worker: "w", Dial: id, Remote: from(i)})
		require.Empty(t, refusal)
	}
	orders, _ := r.SetLimit(LimitTotal, 5)
	require.Len(t, orders, 3)
	for _, o := range orders {
		r.Close(start(), o.Disconnect.Peer)
	}
	require.Zero(t, r.Wanted(p2p.FullRelay))
	require.Zero(t, r.Wanted(p2p.BlockRelayOnly))
	require.Zero(t, r.Surplus(p2p.FullRelay))
	r.SetLimit(LimitTotal, 9)
	require.Equal(t, 3, r.Wanted(p2p.FullRelay))
	require.Equal(t, 1, r.Wanted(p2p.BlockRelayOnly))
}

// The slots of a profile are its own, whatever there is of others; reserved ones are
// nobody else's.
func TestPoolsAreApart(t *testing.T) {
	limits := DefaultLimits()
	limits.Total = limits.outbound() + 1
	limits.Pools = map[string]Pool{"local": {Slots: 2, Reserved: true}, "filters": {Slots: 40}}
	r := New(limits)
	r.AddWorker("w", 0, nil)
	open := func(i int, profile string) Refusal {
		_, _, refusal := r.Open(start(), Opened{Worker: "w", Remote: from(i), Profile: profile})
		return refusal
	}
	inbound(t, r, 0)
	require.Empty(t, open(1, "local"))
	require.Empty(t, open(2, "local"))
	require.Equal(t, Full, open(3, "local"))
	require.Zero(t, r.FreeInbound())
	for i := range 40 {
		require.Empty(t, open(10+i, "filters"))
	}
	_, orders, refusal := r.Open(start(), Opened{Worker: "w", Remote: from(99), Profile: "filters"})
	require.Empty(t, refusal)
	require.Equal(t, []p2p.DisconnectReason{p2p.EndedByEviction}, reasons(orders))
	victim, _ := r.Peer(orders[0].Disconnect.Peer)
	require.Equal(t, "filters", victim.Profile)
	orders, ok := r.SetLimit(PoolOf("filters"), 0)
	require.True(t, ok)
	require.Len(t, orders, 40)
	require.Equal(t, limits.Total+limits.Manual+2, r.Most())
}
