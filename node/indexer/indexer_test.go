package indexer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/indexer"
)

var errStop = errors.New("enough")

// run lets the indexes follow the chain until stop is called, which returns what
// Run does.
func run(t *testing.T, x *indexer.Indexer) (stop func() error) {
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	return func() error {
		cancel(errStop)
		return <-ended
	}
}

func TestOnlyIndexesThatAreAskedForAreThere(t *testing.T) {
	r := newRig(t)
	x := r.open(func(cfg *indexer.Config) { cfg.Transactions, cfg.Filters = true, true })
	require.NotNil(t, x.Transactions)
	require.NotNil(t, x.Filters)
	require.Nil(t, x.Spenders)
	require.Nil(t, x.CoinStats)
	require.Equal(t, []indexer.Index{x.Transactions, x.Filters}, x.All())
	require.DirExists(t, filepath.Join(r.dir, "txindex"))
	require.DirExists(t, filepath.Join(r.dir, "blockfilter", "basic"))
	require.NoDirExists(t, filepath.Join(r.dir, "txospenderindex"))
	require.NoDirExists(t, filepath.Join(r.dir, "coinstatsindex"))
	there, err := x.Await(t.Context(), x.Spenders)
	require.NoError(t, err)
	require.False(t, there, "one that is not there is not waited for")
}

// TestIndexesFollowTheChain: from when its blocks can be read, and to another
// branch.
func TestIndexesFollowTheChain(t *testing.T) {
	r := newRig(t)
	first := r.genesis().Extend(5, 0)
	r.give(first.Path())
	x := r.open(all)
	ended, end := context.WithCancelCause(t.Context())
	end(errStop)
	require.ErrorIs(t, x.Run(ended), errStop)
	require.Equal(t, []int32{-1, -1, -1, -1}, heights(x), "nothing can be read yet")

	close(r.ready)
	stop := run(t, x)
	require.NoError(t, x.AwaitAll(t.Context()))
	require.Equal(t, []int32{5, 5, 5, 5}, heights(x))
	r.give(first.Extend(2, 0).Path()[5:])
	require.NoError(t, x.AwaitAll(t.Context()))
	require.Equal(t, []int32{7, 7, 7, 7}, heights(x))
	branch := r.genesis().Extend(2, 0).Extend(6, 1)
	r.give(branch.Path()[2:])
	require.NoError(t, x.AwaitAll(t.Context()))
	require.Equal(t, []int32{8, 8, 8, 8}, heights(x))
	require.True(t, x.Transactions.Covers(r.engine.Lookup(branch.Hash)))
	require.False(t, x.Transactions.Covers(r.engine.Lookup(first.Hash)))
	for _, index := range x.All() {
		require.True(t, index.Synced(), index.Name())
	}
	require.ErrorIs(t, stop(), errStop)
}

// TestAQueryWaitsForAnIndexThatIsNear, for as long as who asks does; and not for
// one that is far away.
func TestAQueryWaitsForAnIndexThatIsNear(t *testing.T) {
	r := newRig(t)
	far := r.genesis().Extend(1000, 0)
	r.give(far.Path()[:999])
	x := r.open(func(cfg *indexer.Config) { cfg.CoinStats = true })
	gone, leave := context.WithCancelCause(t.Context())
	leave(errStop)
	there, err := x.Await(gone, x.CoinStats)
	require.ErrorIs(t, err, errStop)
	require.False(t, there)
	require.ErrorIs(t, x.AwaitAll(gone), errStop)
	r.give(far.Path()[999:])
	there, err = x.Await(t.Context(), x.CoinStats)
	require.NoError(t, err)
	require.False(t, there)
	require.NoError(t, x.AwaitAll(t.Context()))

	close(r.ready)
	_, err = x.CoinStats.Step()
	require.NoError(t, err)
	answered := make(chan bool, 1)
	go func() {
		there, err := x.Await(t.Context(), x.CoinStats)
		answered <- there && err == nil
	}()
	stop := run(t, x)
	require.True(t, <-answered)
	require.Equal(t, []int32{1000}, heights(x))
	require.ErrorIs(t, stop(), errStop)
}

// TestAnIndexGoesOnWhereItWas after a start, unless it is to be made anew.
func TestAnIndexGoesOnWhereItWas(t *testing.T) {
	r := newRig(t)
	r.give(r.genesis().Extend(5, 0).Path())
	close(r.ready)
	x := r.open(all)
	stop := run(t, x)
	require.NoError(t, x.AwaitAll(t.Context()))
	require.ErrorIs(t, stop(), errStop)
	require.NoError(t, x.Close())

	x = r.open(all)
	require.Equal(t, []int32{5, 5, 5, 5}, heights(x))
	require.NoError(t, x.Close())
	x = r.open(func(cfg *indexer.Config) { all(cfg); cfg.Wipe = true })
	require.Equal(t, []int32{-1, -1, -1, -1}, heights(x))
}

// TestAnIndexThatFailsEndsAll: Run returns what it failed with.
func TestAnIndexThatFailsEndsAll(t *testing.T) {
	r := newRig(t)
	r.give(r.genesis().Extend(3, 0).Path())
	x := r.open(func(cfg *indexer.Config) { cfg.Transactions, cfg.Spenders = true, true })
	require.NoError(t, r.stores["txindex"].Close())
	close(r.ready)
	err := x.Run(t.Context())
	require.ErrorContains(t, err, "txindex at block "+r.p.GenesisBlock.BlockHash().String())
	require.Equal(t, int32(-1), x.Transactions.Height())
}

// TestWhatCannotBeOpenedSaysHowToMendIt, and leaves nothing open.
func TestWhatCannotBeOpenedSaysHowToMendIt(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "txospenderindex"), []byte("no folder"), 0o600))
	x, err := r.try(all)
	require.ErrorContains(t, err, "the index is made anew if its folder is deleted")
	require.NoError(t, x.Close())
	require.NoError(t, os.Remove(filepath.Join(r.dir, "txospenderindex")))
	r.open(all)
}

// TestBlocksThatAnIndexNeedsAreNotPruned, and one whose blocks are is refused.
func TestBlocksThatAnIndexNeedsAreNotPruned(t *testing.T) {
	r := newRig(t)
	r.give(r.genesis().Extend(340, 0).Path())
	close(r.ready)
	x := r.open(func(cfg *indexer.Config) { cfg.Transactions, cfg.CoinStats = true, true })
	require.EqualValues(t, -12, x.PruneLock(300), "they have read nothing")
	for range 101 { // with genesis
		_, err := x.Transactions.Step()
		require.NoError(t, err)
	}
	require.EqualValues(t, -12, x.PruneLock(300), "the other one")
	stop := run(t, x)
	require.NoError(t, x.AwaitAll(t.Context()))
	require.ErrorIs(t, stop(), errStop)
	require.EqualValues(t, 300, x.PruneLock(300))
	require.EqualValues(t, 329, x.PruneLock(340), "it may have to go back")
	require.NoError(t, x.Close())
	require.EqualValues(t, 340, x.PruneLock(340), "nobody needs any")

	_, err := r.engine.PruneTo(340)
	require.NoError(t, err)
	require.True(t, r.engine.IsPruned(r.engine.View().At(20)))
	r.open(func(cfg *indexer.Config) { cfg.Transactions = true })
	late, err := r.try(func(cfg *indexer.Config) { cfg.Filters = true })
	require.ErrorContains(t, err, "basic block filter index best block of the index goes beyond pruned data (including undo data). Please disable the index or reindex")
	require.NoError(t, late.Close())
}
