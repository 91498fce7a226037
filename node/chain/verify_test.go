package chain_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
)

func TestVerifyFindsWhatIsWrongAtItsLevel(t *testing.T) {
	p := chaintest.Regtest(t)
	tip, _ := branches(t, p)
	open := func(t *testing.T) (*chain.Engine, string) {
		dir := t.TempDir()
		disk := chaintest.OpenDisk(t, dir, p)
		t.Cleanup(func() { disk.Close(t) })
		e, err := chain.Open(disk.Config(p), tip.Time())
		require.NoError(t, err)
		for _, s := range tip.Path() {
			_, _, err := e.AcceptBlock(s.Block, true, tip.Time())
			require.NoError(t, err)
		}
		require.NoError(t, chaintest.Activate(e, tip.Time(), nil))
		return e, dir
	}
	t.Run("nothing", func(t *testing.T) {
		e, _ := open(t)
		before := chaintest.Statistics(t, e, coins.HashSerialized3)
		for level := range chain.VerifyConnect + 1 {
			blocks, txs, err := e.Verify(level, 0)
			require.NoError(t, err)
			require.EqualValues(t, tip.Height, blocks)
			require.EqualValues(t, tip.Height+2, txs)
			blocks, _, err = e.Verify(level, 6)
			require.NoError(t, err)
			require.Equal(t, 6, blocks)
		}
		require.Equal(t, before, chaintest.Statistics(t, e, coins.HashSerialized3), "nothing was changed")
		require.Equal(t, tip.Hash, e.View().Tip().Hash)
	})
	t.Run("a block", func(t *testing.T) {
		e, dir := open(t)
		damage(t, filepath.Join(dir, "blocks", "blk00000.dat"))
		_, _, err := e.Verify(chain.VerifyReads, 0)
		var fault *chain.VerifyError
		require.ErrorAs(t, err, &fault)
	})
	t.Run("undo data", func(t *testing.T) {
		e, dir := open(t)
		damage(t, filepath.Join(dir, "blocks", "rev00000.dat"))
		_, _, err := e.Verify(chain.VerifyBlocks, 0)
		require.NoError(t, err)
		_, _, err = e.Verify(chain.VerifyUndo, 0)
		require.ErrorIs(t, err, chain.ErrVerify)
	})
	t.Run("the coins", func(t *testing.T) {
		e, _ := open(t)
		view := e.Coins().NewView()
		_, err := view.Spend(tip.Coinbase(tip.Height))
		require.NoError(t, err)
		e.Coins().Commit(view, tip.Hash)
		_, _, err = e.Verify(chain.VerifyUndo, 0)
		require.NoError(t, err)
		_, _, err = e.Verify(chain.VerifyDisconnect, 1)
		require.ErrorIs(t, err, chain.ErrVerify)
		require.ErrorIs(t, err, chain.ErrUndo)
	})
}

// damage changes a byte in the middle of a file.
func damage(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	end := len(raw)
	for end > 0 && raw[end-1] == 0 {
		end-- // the file is longer than its content
	}
	raw[end/2] ^= 0x10
	require.NoError(t, os.WriteFile(file, raw, 0o600))
}
