package chaintest_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
)

// The braid's own reckoning of its UTXO sets is what an engine finds that
// nothing disturbs.
func TestBraidIsReckonedRight(t *testing.T) {
	b := chaintest.NewBraid(t, rand.New(rand.NewPCG(1, 1)), 60, 1000)
	p := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	defer disk.Close(t)
	now := b.Tips[len(b.Tips)-1].Time() + 1
	back := 0
	hear := func(ev chain.Event) {
		if _, ok := ev.(chain.Disconnected); ok {
			back++
		}
	}
	e, err := chain.Open(disk.Config(p), now)
	require.NoError(t, err)
	last := b.Genesis
	for _, tip := range b.Tips {
		for _, spot := range chaintest.Between(chaintest.ForkOf(last, tip), tip) {
			_, _, err := e.AcceptBlock(spot.Block, true, now)
			require.NoError(t, err)
		}
		require.NoError(t, chaintest.Activate(e, now, hear))
		require.Equal(t, tip.Hash, e.View().Tip().Hash)
		require.Equal(t, b.Sets[tip.Hash], chaintest.Statistics(t, e, coins.HashMuHash).Hash)
		last = tip
	}
	require.Greater(t, back, 60)
}
