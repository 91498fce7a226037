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

// killed opens a chain, lets it connect blocks, and drops it with its coins in
// memory: what is connected survives, the coins are behind.
func killed(t *testing.T, disk *chaintest.Disk, now int64, branches ...*chaintest.Spot) {
	t.Helper()
	owner := open(t, disk, now, untouched, func(chainstate.Event) {})
	for _, branch := range branches {
		process(t, owner, branch.Path())
	}
	require.NoError(t, owner.Do(t.Context(), (*chainstate.State).Checkpoint))
}

func process(t *testing.T, owner *chainstate.Owner, spots []*chaintest.Spot) {
	t.Helper()
	for _, spot := range spots {
		v, err := owner.ProcessBlock(t.Context(), spot.Block, true)
		require.NoError(t, err)
		require.Nil(t, v.Reject)
	}
}

// counted opens a chain and counts how often the connection of a block is told.
func counted(t *testing.T, disk *chaintest.Disk, now int64) (*chainstate.Owner, map[chainhash.Hash]int) {
	t.Helper()
	told := map[chainhash.Hash]int{}
	owner := open(t, disk, now, untouched, func(ev chainstate.Event) {
		if c, ok := ev.(chainstate.BlockConnected); ok {
			told[c.Node.Hash]++
		}
	})
	require.Zero(t, owner.Chain().View().Height(), "the coins are behind")
	return owner, told
}

// TestABranchThatCameBackAfterAKillIsTold: the process that was killed had left
// it before, and had told of that.
func TestABranchThatCameBackAfterAKillIsTold(t *testing.T) {
	params := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), params)
	defer disk.Close(t)
	genesis := chaintest.Genesis(t, params)
	left, best := genesis.Extend(5, 0), genesis.Extend(6, 1)
	again := left.Extend(2, 0)
	killed(t, disk, again.Time(), left, best)

	owner, told := counted(t, disk, again.Time())
	require.NoError(t, owner.ConnectStored(t.Context()))
	require.Equal(t, best.Hash, owner.Chain().View().Tip().Hash)
	require.Empty(t, told, "the process before told of all of them")
	process(t, owner, again.Path()[left.Height:])
	require.Equal(t, again.Hash, owner.Chain().View().Tip().Hash)
	for _, spot := range again.Path() {
		require.Equal(t, 1, told[spot.Block.Hash], "block %d", spot.Height)
	}
	require.NoError(t, owner.Close())
}

// TestBlocksAboveADamagedOneAreNoNewsWhenItIsBack, as they never left.
func TestBlocksAboveADamagedOneAreNoNewsWhenItIsBack(t *testing.T) {
	params := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), params)
	defer disk.Close(t)
	best := chaintest.Genesis(t, params).Extend(6, 0)
	killed(t, disk, best.Time(), best)

	owner, told := counted(t, disk, best.Time())
	lost := best.Path()[2]
	require.NoError(t, owner.DoAmidBlocks(t.Context(), func(s *chainstate.State) error {
		return s.Chain.Lose(&chain.DamageError{Block: s.Chain.Lookup(lost.Hash)})
	}))
	require.NoError(t, owner.ConnectStored(t.Context()))
	require.EqualValues(t, 2, owner.Chain().View().Height())
	process(t, owner, []*chaintest.Spot{lost})
	require.EqualValues(t, 6, owner.Chain().View().Height())
	require.Empty(t, told)
	require.NoError(t, owner.Close())
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
