package mempool_test

import (
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// While a full pool takes, evicts, confirms and reprioritises, no chunk that
// stays is worse than the floor that evictions leave, and figures add up.
func TestEvictionTakesTheWorst(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, 0))
	r := newRig(t, func(cfg *mempool.Config) { cfg.MaxBytes = 40_000 })
	var outs []wire.OutPoint
	value := map[wire.OutPoint]int64{}
	for i := range byte(50) {
		outs = append(outs, fund(i))
		value[fund(i)] = consensus.Coin
	}
	for range 600 {
		from := outs[random.IntN(len(outs))]
		fee := 1000 + random.Int64N(50_000)
		tx := payMany(value[from], fee, 1+random.IntN(3), from)
		_, err := r.Accept(tx, r.tip(), mempool.Options{})
		if err == nil && random.IntN(3) == 0 {
			outs = append(outs, out(tx, 0))
			value[out(tx, 0)] = tx.TxOut[0].Value
		}
		switch random.IntN(40) {
		case 0:
			r.Prioritise(tx.ID, random.Int64N(100_000))
		case 1:
			entries, _ := r.Entries()
			r.BlockConnected(&consensus.Block{Txs: []*consensus.Tx{entries[0].Tx}}, now)
		}
		require.LessOrEqual(t, r.Figures().Usage, int64(40_000))
	}
	all, _ := r.All()
	require.Greater(t, len(all), 20)
	vsize, fees := int64(0), int64(0)
	for _, d := range all {
		vsize += d.VSize
		fees += d.Fee
		require.LessOrEqual(t, d.AncestorCount+d.DescendantCount, 65)
	}
	require.Equal(t, vsize, r.Figures().VSize)
	require.Equal(t, fees, r.Figures().Fees)
}

// The next to go is always the worst chunk of those there are.
func TestWorstGoesFirst(t *testing.T) {
	r := newRig(t, nil)
	for i := range byte(30) {
		parent := pay(consensus.Coin, 1000+int64(i*7%30)*100, fund(i))
		r.accept(parent)
		r.accept(pay(parent.TxOut[0].Value, 200+int64(i*11%30)*150, out(parent, 0)))
	}
	worstRate := func() (float64, int) {
		all, _ := r.All()
		worst := 1e18
		for _, d := range all {
			worst = min(worst, float64(d.ChunkFee)/float64(d.ChunkWeight))
		}
		return worst, len(all)
	}
	for last := 0.0; r.Figures().Count > 0; {
		rate, _ := worstRate()
		require.GreaterOrEqual(t, rate, last)
		last = rate
		r.Shrink(r.Figures().Usage - 1)
	}
}
