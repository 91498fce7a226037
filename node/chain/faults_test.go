package chain_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// A block whose chain cannot be left, since what that takes is pruned, is not
// left halfway either.
func TestInvalidatingBeyondPrunedBlocksChangesNothing(t *testing.T) {
	p := chaintest.Regtest(t)
	p.PruneAfterHeight = 10
	tip := chaintest.Genesis(t, p).Extend(340, 0)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	defer disk.Close(t)
	blocks, err := blockfile.Open(blockfile.Config{Dir: filepath.Join(t.TempDir(), "small"), Magic: uint32(p.Net), MaxFile: 4 << 10})
	require.NoError(t, err)
	defer blocks.Close()
	cfg := disk.Config(p)
	cfg.Blocks, cfg.Pruning = blocks, true
	e, err := chain.Open(cfg, regtestNow)
	require.NoError(t, err)
	give(t, e, tip.Path())
	_, err = e.PruneTo(tip.Height)
	require.NoError(t, err)
	require.True(t, e.IsPruned(e.View().At(20)))

	require.ErrorIs(t, e.Invalidate(e.View().At(20).Hash, regtestNow), chain.ErrPrunedFork)
	require.False(t, e.Info(e.View().At(20)).Failed)
	next := tip.Extend(1, 0)
	give(t, e, []*chaintest.Spot{next})
	require.Equal(t, next.Hash, e.View().Tip().Hash)
	require.Equal(t, undisturbed(t, p, next), chaintest.Statistics(t, e, coins.HashSerialized3))
}

// frail fails to write undo data while it is told to.
type frail struct {
	*blockfile.Store
	failing bool
}

var errFrail = errors.New("input/output error")

func (f *frail) AppendUndo(file int32, prev chainhash.Hash, undo []byte) (uint32, error) {
	if f.failing {
		return 0, errFrail
	}
	return f.Store.AppendUndo(file, prev, undo)
}

// requireSound opens the disk that an engine has failed on, and requires that nothing
// is wrong with it.
func requireSound(t *testing.T, dir string, p *consensus.Params, tip *chaintest.Spot) {
	t.Helper()
	disk := chaintest.OpenDisk(t, dir, p)
	defer disk.Close(t)
	e, err := chain.Open(disk.Config(p), regtestNow)
	require.NoError(t, err)
	_, _, err = e.Verify(chain.VerifyConnect, 0)
	require.NoError(t, err)
	for _, s := range tip.Path() {
		_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(t, err)
	}
	require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	require.Equal(t, tip.Hash, e.View().Tip().Hash)
	require.Equal(t, undisturbed(t, p, tip), chaintest.Statistics(t, e, coins.HashSerialized3))
}

// When a step ends because of the disk, nobody takes the coins that it left for
// those of the tip: no block is condemned for it, and nothing is made durable.
func TestNothingFollowsAFailedStep(t *testing.T) {
	p, dir := chaintest.Regtest(t), t.TempDir()
	a, b := branches(t, p)
	b = b.Extend(2, 'b')
	disk := chaintest.OpenDisk(t, dir, p)
	files := &frail{Store: disk.Blocks}
	cfg := disk.Config(p)
	cfg.Blocks = files
	hear := func(ev chain.Event) {
		if refused, is := ev.(chain.Refused); is {
			require.Fail(t, "a valid block is refused", "%s", refused.Reject)
		}
	}
	e, err := chain.Open(cfg, regtestNow)
	require.NoError(t, err)
	give(t, e, a.Path())
	require.NoError(t, e.Flush())
	for _, s := range b.Path()[:len(b.Path())-1] {
		_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(t, err)
	}
	files.failing = true
	require.ErrorIs(t, chaintest.Activate(e, regtestNow, hear), errFrail)
	files.failing = false
	_, _, err = e.AcceptBlock(b.Block, true, regtestNow)
	require.NoError(t, err)
	require.ErrorIs(t, chaintest.Activate(e, regtestNow, hear), errFrail)
	require.ErrorIs(t, e.Drain(regtestNow), errFrail)
	require.ErrorIs(t, e.Flush(), errFrail)
	require.ErrorIs(t, e.Invalidate(a.Hash, regtestNow), errFrail)
	require.NoError(t, e.Checkpoint())
	require.Equal(t, a.Hash, e.View().Tip().Hash)
	disk.Close(t)
	requireSound(t, dir, p, b)
}

// The same in initial download, where blocks enter the set before their scripts
// have run.
func TestNothingFollowsAFailedStepOfADownload(t *testing.T) {
	p, dir := chaintest.Regtest(t), t.TempDir()
	tip := chaintest.Genesis(t, p).Extend(60, 0)
	now := tip.Time() + manyYears
	disk := chaintest.OpenDisk(t, dir, p)
	files := &frail{Store: disk.Blocks}
	cfg := disk.Config(p)
	cfg.Blocks = files
	e, err := chain.Open(cfg, now)
	require.NoError(t, err)
	for i, s := range tip.Path() {
		files.failing = i == 30
		_, _, err := e.AcceptBlock(s.Block, true, now)
		require.NoError(t, err)
		if err = chaintest.Activate(e, now, nil); i < 30 {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, errFrail)
		}
	}
	view := e.View()
	require.EqualValues(t, 30, view.Height())
	for height := range view.Height() {
		require.Equal(t, height, view.At(height).Height)
	}
	require.ErrorIs(t, e.Flush(), errFrail)
	require.NoError(t, e.Checkpoint())
	disk.Close(t)
	requireSound(t, dir, p, tip)
}

// What the user calls invalid stays left, though the coins that are on the disk
// are those of a block above it.
func TestInvalidatedBlocksStayLeftAfterACrash(t *testing.T) {
	p, dir := chaintest.Regtest(t), t.TempDir()
	a, b := branches(t, p)
	disk := chaintest.OpenDisk(t, dir, p)
	e, err := chain.Open(disk.Config(p), regtestNow)
	require.NoError(t, err)
	give(t, e, a.Path())
	give(t, e, a.Extend(3, 'a').Path()[len(a.Path()):])
	require.NoError(t, e.Flush())
	require.NoError(t, e.Invalidate(a.Hash, regtestNow))
	require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	require.Equal(t, a.Parent.Hash, e.View().Tip().Hash)
	require.NoError(t, e.Checkpoint())
	disk.Close(t)

	disk = chaintest.OpenDisk(t, dir, p)
	defer disk.Close(t)
	e, err = chain.Open(disk.Config(p), regtestNow)
	require.NoError(t, err)
	require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	require.Equal(t, a.Parent.Hash, e.View().Tip().Hash)
	require.Equal(t, undisturbed(t, p, a.Parent), chaintest.Statistics(t, e, coins.HashSerialized3))
	give(t, e, b.Path())
	require.Equal(t, b.Hash, e.View().Tip().Hash)
}
