package simulation

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/p2pworker/peertest"
)

// near is the line between any two: 50 ms and fast enough.
func near(_, _ netip.Addr) peertest.Line { return peertest.Line{Delay: 50 * time.Millisecond} }

// miner is a stub at an address with a chain of its own, which begins as the world's.
func (w *world) miner(at netip.AddrPort) *peertest.Chain {
	c := peertest.NewChain(message(chaintest.Genesis(w.t, chaintest.Regtest(w.t))))
	w.grow(c, w.tip)
	w.network.Host(at, (&peertest.Peer{Net: wire.TestNet, Chain: c}).Serve)
	return c
}

// later lets the time of a block come: its header must not lie in the future.
func later(tip *chaintest.Spot) {
	<-time.After(time.Until(time.Unix(tip.Time(), 0)))
}

// TestARaceOfForks: two miners find blocks at the same time, again and again. A node
// between them follows the longer branch and forgets none, and another that hears all
// from it alone ends where it does.
func TestARaceOfForks(t *testing.T) {
	simulate(t, 120, near, func(w *world) {
		at := addresses(0, 4)
		left, right := w.miner(at[0]), w.miner(at[1])
		middle := w.launch(at[2], at[0], at[1])
		defer middle.sink()
		behind := w.launch(at[3], at[2])
		defer behind.sink()
		arrived := func(tip *chaintest.Spot) {
			w.t.Helper()
			for _, s := range []*ship{middle, behind} {
				w.within(10*time.Minute, "the longer branch", func() bool { return s.best() == tip.Hash.String() })
			}
		}
		arrived(w.tip)
		common := w.tip
		for round := 1; round <= 6; round++ {
			// Both are as long at first; then one of them is longer, by turns.
			a, b := common.Extend(round, 'a'), common.Extend(round, 'b')
			later(a)
			w.grow(left, a)
			w.grow(right, b)
			w.within(10*time.Minute, "one of two", func() bool {
				best := middle.best()
				return best == a.Hash.String() || best == b.Hash.String()
			})
			if winner := left; round%2 == 0 {
				common = a.Extend(1, 'a')
				w.grow(winner, common)
			} else {
				common = b.Extend(1, 'b')
				w.grow(right, common)
			}
			arrived(common)
			w.grow(left, common)
			w.grow(right, common)
		}
		require.Equal(w.t, middle.best(), behind.best())
	})
}

// TestAPartedNetwork: two nodes on each side of a cut, with a miner each, follow their own
// branch. After a short cut their connections go on as if nothing had been; after one of
// half an hour they have been given up, and are made again. Then all are on the longer one.
func TestAPartedNetwork(t *testing.T) {
	simulate(t, 120, near, func(w *world) {
		at := addresses(0, 6)
		west, east := w.miner(at[0]), w.miner(at[3])
		var ships []*ship
		for _, i := range []int{1, 2, 4, 5} {
			s := w.launch(at[i], at...)
			defer s.sink()
			ships = append(ships, s)
		}
		arrived := func(limit time.Duration, tip *chaintest.Spot, ships ...*ship) {
			w.t.Helper()
			took := w.within(limit, "the longest branch", func() bool {
				return !slices.ContainsFunc(ships, func(s *ship) bool { return s.best() != tip.Hash.String() })
			})
			w.t.Logf("%d nodes at height %d after %v", len(ships), tip.Height, took)
		}
		arrived(10*time.Minute, w.tip, ships...)
		<-time.After(2 * time.Minute) // for all connections there are to be

		eastern := func(a netip.Addr) bool { return a.As4()[1] >= 3 }
		for _, cut := range []struct{ lasts, heals time.Duration }{{10 * time.Minute, time.Minute}, {30 * time.Minute, 5 * time.Minute}} {
			w.network.Part(func(a, b netip.Addr) bool { return eastern(a) != eastern(b) })
			blocks := int(cut.lasts / time.Minute)
			westTip, eastTip := w.tip.Extend(blocks, 'w'), w.tip.Extend(blocks-2, 'e')
			<-time.After(cut.lasts)
			w.grow(west, westTip)
			w.grow(east, eastTip)
			arrived(10*time.Minute, westTip, ships[:2]...)
			arrived(10*time.Minute, eastTip, ships[2:]...)
			w.network.Part(nil)
			w.tip = westTip.Extend(1, 'w')
			later(w.tip)
			w.grow(west, w.tip)
			arrived(cut.heals, w.tip, ships...)
			w.grow(east, w.tip)
		}
	})
}
