package chain_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// die connects blocks up to tip in a new directory, with a checkpoint but
// without a flush.
func die(t *testing.T, p *consensus.Params, tip *chaintest.Spot) (dir string) {
	t.Helper()
	dir = t.TempDir()
	disk := chaintest.OpenDisk(t, dir, p)
	e, err := chain.Open(disk.Config(p), tip.Time())
	require.NoError(t, err)
	for _, s := range tip.Path() {
		_, _, err := e.AcceptBlock(s.Block, true, tip.Time())
		require.NoError(t, err)
		require.NoError(t, chaintest.Activate(e, tip.Time(), nil))
	}
	require.NoError(t, e.Checkpoint())
	disk.Close(t)
	return dir
}

func TestConnectedBlocksSurviveTheProcess(t *testing.T) {
	p := chaintest.Regtest(t)
	tip := chaintest.Genesis(t, p).Extend(20, 0)
	disk := chaintest.OpenDisk(t, die(t, p, tip), p)
	defer disk.Close(t)
	e, err := chain.Open(disk.Config(p), tip.Time())
	require.NoError(t, err)
	require.NoError(t, chaintest.Activate(e, tip.Time(), nil))
	require.Equal(t, tip.Hash, e.View().Tip().Hash)
	require.Equal(t, undisturbed(t, p, tip), chaintest.Statistics(t, e, coins.HashSerialized3))
}

// The machine died too: the end of the block file never reached the disk.
func TestLostBlocksAreMissingAgain(t *testing.T) {
	p := chaintest.Regtest(t)
	tip := chaintest.Genesis(t, p).Extend(20, 0)
	dir := die(t, p, tip)
	file := filepath.Join(dir, "blocks", "blk00000.dat")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(file, info.Size()-10))
	disk := chaintest.OpenDisk(t, dir, p)
	defer disk.Close(t)
	e, err := chain.Open(disk.Config(p), tip.Time())
	require.NoError(t, err)
	require.NoError(t, chaintest.Activate(e, tip.Time(), nil))
	require.EqualValues(t, 19, e.View().Tip().Height)
	require.False(t, e.Info(e.Lookup(tip.Hash)).HaveBlock)
	_, isNew, err := e.AcceptBlock(tip.Block, true, tip.Time())
	require.NoError(t, err)
	require.True(t, isNew)
	require.NoError(t, chaintest.Activate(e, tip.Time(), nil))
	require.Equal(t, undisturbed(t, p, tip), chaintest.Statistics(t, e, coins.HashSerialized3))
}
