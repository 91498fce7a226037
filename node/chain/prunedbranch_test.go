package chain_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
)

// A branch becomes the better one after its first blocks were deleted: it is followed
// when these have come again, in whatever order.
func TestABranchThatWasPrunedIsFollowed(t *testing.T) {
	for name, order := range map[string]func([]*chaintest.Spot){
		"upwards": func([]*chaintest.Spot) {}, "downwards": slices.Reverse[[]*chaintest.Spot],
	} {
		t.Run(name, func(t *testing.T) {
			e, stale, best := prunedBranch(t)
			var gone []*chaintest.Spot
			for _, s := range stale.Path()[10:] {
				if e.IsPruned(e.Lookup(s.Hash)) {
					gone = append(gone, s)
				}
			}
			require.Greater(t, len(gone), 50)

			better := stale.Extend(int(best.Height-stale.Height)+1, 0)
			give(t, e, better.Path()[stale.Height:])
			require.Equal(t, best.Hash, e.View().Tip().Hash)
			order(gone)
			give(t, e, gone[:len(gone)-1])
			require.Equal(t, best.Hash, e.View().Tip().Hash, "one is missing")
			give(t, e, gone[len(gone)-1:])
			require.Equal(t, better.Hash, e.View().Tip().Hash)
			require.Equal(t, undisturbed(t, e.Params(), better), chaintest.Statistics(t, e, coins.HashSerialized3))
		})
	}
}

// prunedBranch is an engine that has left a branch and deleted its first blocks. The
// blocks of the best one are in the files in another order, so that none was deleted.
func prunedBranch(t *testing.T) (e *chain.Engine, stale, best *chaintest.Spot) {
	p := chaintest.Regtest(t)
	p.PruneAfterHeight = 10
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	blocks, err := blockfile.Open(blockfile.Config{Dir: filepath.Join(t.TempDir(), "small"), Magic: uint32(p.Net), MaxFile: 4 << 10})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, blocks.Close()) })
	cfg := disk.Config(p)
	cfg.Blocks, cfg.Pruning = blocks, true
	e, err = chain.Open(cfg, regtestNow)
	require.NoError(t, err)

	base := chaintest.Genesis(t, p).Extend(10, 0)
	stale, best = base.Extend(100, 'b'), base.Extend(400, 'a')
	give(t, e, stale.Path())
	var headers []wire.BlockHeader
	path := best.Path()
	for _, s := range path {
		headers = append(headers, s.Header)
	}
	_, _, err = e.AcceptHeaders(headers, regtestNow)
	require.NoError(t, err)
	low, high := 10, len(path)-1
	for ; low < high; low, high = low+1, high-1 {
		give(t, e, []*chaintest.Spot{path[low], path[high]})
	}
	_, err = e.PruneTo(best.Height)
	require.NoError(t, err)
	require.Equal(t, best.Hash, e.View().Tip().Hash)
	return e, stale, best
}
