package chainstate_test

import (
	"context"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

func untouched(chainhash.Hash) {}

// TestBlocksAreToldOnce, also those that a start finds connected or connects again.
func TestBlocksAreToldOnce(t *testing.T) {
	params := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), params)
	defer disk.Close(t)
	genesis := chaintest.Genesis(t, params)
	first, branch := genesis.Extend(5, 0), genesis.Extend(2, 0).Extend(5, 1)
	now := branch.Time()
	told, gone := map[chainhash.Hash]int{}, map[chainhash.Hash]int{}
	observe := func(ev chainstate.Event) {
		switch ev := ev.(type) {
		case chainstate.BlockConnected:
			told[ev.Node.Hash]++
		case chainstate.BlockDisconnected:
			gone[ev.Node.Hash]++
		}
	}
	start := func(blocks []*chaintest.Spot) {
		owner := open(t, disk, now, untouched, observe)
		require.NoError(t, owner.ConnectStored(t.Context()))
		for _, spot := range blocks {
			v, err := owner.ProcessBlock(t.Context(), spot.Block, true)
			require.NoError(t, err)
			require.Nil(t, v.Reject)
		}
		require.NoError(t, owner.Close())
	}
	start(first.Path())
	start(first.Path())
	start(branch.Path())
	start(nil)
	for _, spot := range branch.Path() {
		require.Equal(t, 1, told[spot.Block.Hash], "block %d of the branch", spot.Height)
		require.Zero(t, gone[spot.Block.Hash])
	}
	for _, spot := range first.Path()[2:] {
		require.Equal(t, [2]int{1, 1}, [2]int{told[spot.Block.Hash], gone[spot.Block.Hash]}, "block %d of the first branch", spot.Height)
	}
}

// TestReadersSeeTheMempoolOfTheirTip: a transaction is in the mempool or in the
// chain that ReadTip shows, never in both or in neither, while blocks come and go.
func TestReadersSeeTheMempoolOfTheirTip(t *testing.T) {
	params := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), params)
	defer disk.Close(t)
	base := chaintest.Genesis(t, params).Extend(101, 0)
	tx := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 49_0000_0000, 9999_0000)
	with, without := base.Next(tx), base.Extend(2, 1)
	owner := open(t, disk, without.Time(), untouched, func(chainstate.Event) {})
	process := func(spots ...*chaintest.Spot) {
		for _, spot := range spots {
			v, err := owner.ProcessBlock(t.Context(), spot.Block, true)
			require.NoError(t, err)
			require.Nil(t, v.Reject)
		}
	}
	process(base.Path()...)
	_, err := owner.ProcessTx(t.Context(), tx, mempool.Options{})
	require.NoError(t, err)

	ctx, stop := context.WithCancel(t.Context())
	var wrong, reads int
	reading, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			if reads++; reads == 2 {
				close(reading)
			}
			if err := owner.ReadTip(func(s *chain.TipState) error {
				_, confirmed, err := s.Coin(wire.OutPoint{Hash: tx.ID})
				if confirmed == (owner.Pool().Get(tx.ID) != nil) {
					wrong++
				}
				return err
			}); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	<-reading
	process(with)
	require.Nil(t, owner.Pool().Get(tx.ID), "the block has it")
	process(without.Path()[101:]...)
	require.NotNil(t, owner.Pool().Get(tx.ID), "it is back")
	stop()
	require.NoError(t, <-ended)
	require.Zero(t, wrong)
	require.NoError(t, owner.Close())
}
