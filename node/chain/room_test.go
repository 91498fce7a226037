package chain_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
)

// An engine without room writes nothing, and what it has written before is
// enough to go on from.
func TestNothingIsWrittenWithoutRoom(t *testing.T) {
	p, dir := chaintest.Regtest(t), t.TempDir()
	tip := chaintest.Genesis(t, p).Extend(10, 0)
	disk := chaintest.OpenDisk(t, dir, p)
	cfg := disk.Config(p)
	errFull := errors.New("full")
	full, asked := false, int64(0)
	cfg.Room = func(bytes int64) error {
		asked += bytes
		if full {
			return errFull
		}
		return nil
	}
	e, err := chain.Open(cfg, regtestNow)
	require.NoError(t, err)
	path := tip.Path()
	for _, s := range path[:5] {
		_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(t, err)
		require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	}
	require.NoError(t, e.Flush())
	_, _, err = e.AcceptBlock(path[5].Block, true, regtestNow)
	require.NoError(t, err)
	require.Greater(t, asked, int64(6*len(path[0].Raw)))

	full = true
	size := disk.Blocks.DiskSize()
	require.ErrorIs(t, chaintest.Activate(e, regtestNow, nil), errFull, "there is no room for undo data")
	_, _, err = e.AcceptBlock(path[6].Block, true, regtestNow)
	require.ErrorIs(t, err, errFull)
	require.ErrorIs(t, e.Checkpoint(), errFull)
	require.Equal(t, size, disk.Blocks.DiskSize())
	disk.Close(t)

	disk = chaintest.OpenDisk(t, dir, p)
	defer disk.Close(t)
	e, err = chain.Open(disk.Config(p), regtestNow)
	require.NoError(t, err)
	require.Equal(t, path[4].Hash, e.View().Tip().Hash)
	for _, s := range path[5:] {
		_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(t, err)
		require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	}
	require.Equal(t, undisturbed(t, p, tip), chaintest.Statistics(t, e, coins.HashSerialized3))
}
