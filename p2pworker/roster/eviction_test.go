package roster

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// crowd is n inbound connections of one group, the first the oldest, with nothing to
// speak for them but what change gives them.
func crowd(n int, change func(i int, p *Peer)) []Peer {
	list := make([]Peer, n)
	for i := range list {
		list[i] = Peer{ID: int64(i), Kind: p2p.Inbound, Remote: from(i), Network: p2p.IPv4,
			Opened: start().Add(time.Duration(i) * time.Second), Merits: Merits{RelaysTxs: true}}
		if change != nil {
			change(i, &list[i])
		}
	}
	return list
}

// evictable returns who may be dropped of a list, one after the other.
func evictable(list []Peer) map[int64]bool {
	all := map[int64]bool{}
	for {
		p, ok := evictionCandidate(append([]Peer{}, list...))
		if !ok {
			return all
		}
		all[p.ID] = true
		for i := range list {
			list[i].Leaving = list[i].Leaving || list[i].ID == p.ID
		}
	}
}

func TestEachMeritIsSafe(t *testing.T) {
	const n = 40
	tests := map[string]struct {
		safe  int // the last so many
		merit func(p *Peer)
	}{
		"noban":                    {n, func(p *Peer) { p.NoBan = true }},
		"group":                    {protectedByGroup, func(p *Peer) { p.Group = 1 << 63 }},
		"short pings":              {protectedByPing, func(p *Peer) { p.LowestPing = time.Millisecond }},
		"transactions":             {protectedByTxs, func(p *Peer) { p.LastTx = 1 }},
		"blocks":                   {protectedByBlocks, func(p *Peer) { p.LastBlock = 1 }},
		"blocks, no transactions":  {protectedByBlocksOnly, func(p *Peer) { p.RelaysTxs, p.Serves = false, true }},
		"all that it offers":       {protectedByBlocks, func(p *Peer) { p.Serves = true }},
		"by Tor, slow":             {4, func(p *Peer) { p.Network = p2p.TorV3 }},
		"of I2P, slow":             {4, func(p *Peer) { p.Network = p2p.I2P }},
		"of CJDNS, slow":           {4, func(p *Peer) { p.Network = p2p.CJDNS }},
		"of this machine":          {4, func(p *Peer) { p.Remote = p2p.ParseEndpoint("127.0.0.1:1") }},
		"an outbound one":          {n, func(p *Peer) { p.Kind = p2p.Manual }},
		"one that is told already": {n, func(p *Peer) { p.Leaving = true }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list := crowd(n, func(i int, p *Peer) {
				if i >= n-tt.safe {
					tt.merit(p)
				}
			})
			victim, ok := evictionCandidate(append([]Peer{}, list...))
			if tt.safe == n {
				require.False(t, ok)
				return
			}
			require.True(t, ok)
			require.Less(t, victim.ID, int64(n-tt.safe), "the youngest of those without the merit")
		})
	}
}

// TestTheYoungestOfTheMostCrowdedGroupGoes: the older half stays.
func TestTheYoungestOfTheMostCrowdedGroupGoes(t *testing.T) {
	list := crowd(60, func(i int, p *Peer) {
		p.Group = uint64(i % 3)
		if i == 57 || i == 58 {
			p.Group = 1
		}
	})
	victim, ok := evictionCandidate(list)
	require.True(t, ok)
	require.EqualValues(t, 1, victim.Group)
	require.EqualValues(t, 58, victim.ID)
	victim, _ = evictionCandidate(crowd(60, func(i int, p *Peer) { p.Discouraged = i == 3 || i == 31 }))
	require.EqualValues(t, 31, victim.ID, "it goes first; the other one is old")
	_, ok = evictionCandidate(nil)
	require.False(t, ok)
	_, ok = evictionCandidate(crowd(protectedByGroup+protectedByPing+protectedByTxs+protectedByBlocks, nil))
	require.False(t, ok, "all are safe for something")
}

// TestDisadvantagedNetworksShareAQuarter: who has few peers gets its share first, and
// what one leaves others have.
func TestDisadvantagedNetworksShareAQuarter(t *testing.T) {
	count := func(list []Peer, network p2p.NetworkID) (n int) {
		for _, p := range list {
			if p.Network == network {
				n++
			}
		}
		return n
	}
	list := crowd(40, func(i int, p *Peer) {
		switch {
		case i >= 39:
			p.Network = p2p.CJDNS
		case i >= 30:
			p.Network = p2p.I2P
		case i >= 20:
			p.Network = p2p.TorV3
		}
	})
	rest := protectByRatio(list)
	require.Len(t, rest, 20)
	require.Equal(t, 0, count(rest, p2p.CJDNS), "the only one")
	require.Equal(t, 4, count(rest, p2p.I2P), "three are safe, one more of what is left, and the last")
	require.Equal(t, 6, count(rest, p2p.TorV3))
	require.Equal(t, 10, count(rest, p2p.IPv4), "ten by uptime")
	for _, p := range rest {
		require.GreaterOrEqual(t, p.ID, int64(10), "the oldest stay")
	}
}

// TestEvictionTakesFromThoseThatMayGo whatever merits there are.
func TestEvictionTakesFromThoseThatMayGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := crowd(rapid.IntRange(0, 80).Draw(t, "n"), func(i int, p *Peer) {
			p.Group = rapid.Uint64Range(0, 5).Draw(t, "group")
			p.NoBan = rapid.Bool().Draw(t, "noban")
			p.Network = rapid.SampledFrom(p2p.Networks()).Draw(t, "network")
			p.LastBlock = rapid.Int64Range(0, 2).Draw(t, "block")
			p.RelaysTxs = rapid.Bool().Draw(t, "relays")
			p.LowestPing = time.Duration(rapid.IntRange(0, 3).Draw(t, "ping"))
		})
		may := 0
		for _, p := range list {
			if !p.NoBan {
				may++
			}
		}
		gone := evictable(list)
		if len(gone) > may {
			t.Fatalf("%d of %d are gone", len(gone), may)
		}
		for _, p := range list {
			if gone[p.ID] && p.NoBan {
				t.Fatalf("peer %d may not be banned", p.ID)
			}
		}
	})
}

// TestTxRelayIsLimited: one more evicts another that is told of transactions, or goes.
func TestTxRelayIsLimited(t *testing.T) {
	r := New(Limits{Total: 71, FullRelay: 8, BlockRelay: 2, TxRelayPercent: 50, DialTime: time.Minute})
	r.AddWorker("w", 0, nil)
	for i := range 30 {
		p := inbound(t, r, i)
		orders, ok := r.AdmitTxRelay(p.ID)
		require.True(t, ok)
		require.Empty(t, orders)
	}
	quiet := inbound(t, r, 50)
	late := inbound(t, r, 51)
	require.Zero(t, r.RoomForTxRelay(late.ID))
	orders, ok := r.AdmitTxRelay(late.ID)
	require.True(t, ok)
	require.Len(t, orders, 1)
	require.Less(t, orders[0].Disconnect.Peer, quiet.ID, "one that is told of transactions")
	require.Equal(t, "selected inbound connection for eviction", orders[0].Disconnect.Reason)

	few := New(Limits{Total: 13, FullRelay: 8, BlockRelay: 2, TxRelayPercent: 50, DialTime: time.Minute})
	few.AddWorker("w", 0, nil)
	a, b := inbound(t, few, 1), inbound(t, few, 2)
	_, ok = few.AdmitTxRelay(a.ID)
	require.True(t, ok)
	_, ok = few.AdmitTxRelay(b.ID)
	require.False(t, ok, "nobody else may go")
	_, _, refusal := few.Open(start(), Opened{Worker: "w", Remote: from(3)})
	require.Equal(t, Full, refusal)
	_, ok = few.AdmitTxRelay(77)
	require.True(t, ok, "it has gone")
}

// TestExtraConnections: which of them is one too many.
func TestExtraConnections(t *testing.T) {
	r := New(Limits{Total: 20, FullRelay: 2, BlockRelay: 1, Manual: 8, DialTime: time.Minute})
	r.AddWorker("w", 0, nil)
	opened := 0
	connect := func(kind p2p.ConnectionType, m Merits) Peer {
		opened++
		target := fmt.Sprintf("1.%d.3.4:8333", opened)
		id, _, ok := r.Dial(target, kind, false)
		require.True(t, ok)
		p, _, refusal := r.Open(start(), Opened{Worker: "w", Dial: id, Remote: p2p.ParseEndpoint(target), Network: p2p.IPv4})
		require.Empty(t, refusal)
		r.SetReady(p.ID)
		r.SetMerits(p.ID, m)
		return p
	}
	a := connect(p2p.FullRelay, Merits{LastNews: 2})
	b := connect(p2p.FullRelay, Merits{LastNews: 1})
	require.Equal(t, 2, r.SpareOutbound())
	_, ok := r.ExtraFullRelay()
	require.False(t, ok, "none is too many")
	c := connect(p2p.FullRelay, Merits{LastNews: 1})
	extra, ok := r.ExtraFullRelay()
	require.True(t, ok)
	require.Equal(t, c.ID, extra.ID, "the younger of two")
	require.True(t, r.Protect(c.ID))
	require.True(t, r.Protect(c.ID))
	extra, _ = r.ExtraFullRelay()
	require.Equal(t, b.ID, extra.ID)
	require.True(t, r.Protect(a.ID))
	r.SetMerits(a.ID, Merits{})
	require.True(t, r.Protect(b.ID))
	_, ok = r.ExtraFullRelay()
	require.False(t, ok, "all are protected")
	require.True(t, r.Protect(connect(p2p.FullRelay, Merits{}).ID))
	d := connect(p2p.FullRelay, Merits{})
	require.False(t, r.Protect(d.ID), "the fifth")
	_, ok = r.DismissExtra(start().Add(leastConnected-1), d.ID)
	require.False(t, ok, "it has just begun")
	r.SetMerits(d.ID, Merits{Downloading: true})
	_, ok = r.DismissExtra(start().Add(leastConnected), d.ID)
	require.False(t, ok, "blocks are to come")
	r.SetMerits(d.ID, Merits{})
	orders, ok := r.DismissExtra(start().Add(leastConnected), d.ID)
	require.True(t, ok)
	require.Len(t, orders, 1)

	e := connect(p2p.BlockRelayOnly, Merits{LastBlock: 5})
	require.False(t, r.Protect(e.ID))
	f := connect(p2p.BlockRelayOnly, Merits{LastBlock: 5})
	extra, ok = r.ExtraBlockRelay()
	require.True(t, ok)
	require.Equal(t, f.ID, extra.ID)
	r.SetMerits(f.ID, Merits{LastBlock: 6})
	extra, _ = r.ExtraBlockRelay()
	require.Equal(t, e.ID, extra.ID, "the other sent a block since")
}

// A peer of this machine that came over Tor is of two groups. Both count it, and one has
// it taken out already when the other's turn comes: that must not go on for ever.
func TestAPeerOfTwoGroupsEndsTheRounds(t *testing.T) {
	for doubles := range 11 {
		list := crowd(20, func(i int, p *Peer) {
			if i < doubles {
				p.Network, p.Remote = p2p.TorV3, p2p.ParseEndpoint("127.0.0.1:1")
			}
		})
		rest := protectByRatio(list)
		require.Len(t, rest, 10, "of 20, %d are of two groups", doubles)
	}
}
