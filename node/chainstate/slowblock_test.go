package chainstate_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// queued is what stands behind a block in the queue for the state.
type queued struct {
	pending bool // the block's scripts run, or have run, and it is not connected
	height  int32
	err     error
}

// TestNobodyWaitsForTheScriptsOfABlockAtTheTip: who queues for the state while a
// block is taken has it before the block is connected, new headers are taken
// meanwhile, and the chain that readers see is the one before.
func TestNobodyWaitsForTheScriptsOfABlockAtTheTip(t *testing.T) {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	defer disk.Close(t)
	slow := slowBlock(chaintest.Genesis(t, chaintest.Regtest(t)).Extend(101, 0))
	next := slow.Extend(1, 0)
	var owner *chainstate.Owner
	seen, calm := make(chan queued, 1), make(chan int32, 1)
	owner = open(t, disk, next.Time(), untouched, func(ev chainstate.Event) {
		if stored, ok := ev.(chainstate.BlockStored); !ok || stored.At.Hash != slow.Hash {
			return
		}
		entered := make(chan struct{})
		go func() {
			close(entered)
			var q queued
			q.err = owner.DoAmidBlocks(context.Background(), func(s *chainstate.State) error {
				q.pending = s.Chain.Pending(s.Chain.Lookup(slow.Hash)) != nil
				q.height = s.Chain.View().Height()
				_, _, err := s.Chain.AcceptHeaders([]wire.BlockHeader{next.Header}, s.Now())
				return err
			})
			seen <- q
			_ = owner.Do(context.Background(), func(s *chainstate.State) error {
				calm <- s.Chain.View().Height()
				return nil
			})
		}()
		<-entered
	})
	process(t, owner, slow.Parent.Path())
	require.False(t, owner.Chain().View().Initial, "the chain does not catch up")
	process(t, owner, []*chaintest.Spot{slow})
	q := <-seen
	require.NoError(t, q.err)
	require.True(t, q.pending)
	require.Equal(t, slow.Parent.Height, q.height)
	require.Equal(t, slow.Height, <-calm, "Do waits for the block")
	require.NotNil(t, owner.Chain().Lookup(next.Hash))
	require.NoError(t, owner.Close())
}

// TestABlockFromManyIsVerifiedOnce, and all who brought it learn the same.
func TestABlockFromManyIsVerifiedOnce(t *testing.T) {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	defer disk.Close(t)
	slow := slowBlock(chaintest.Genesis(t, chaintest.Regtest(t)).Extend(101, 0))
	stored, connected := map[chainhash.Hash]int{}, map[chainhash.Hash]int{}
	owner := open(t, disk, slow.Time(), untouched, func(ev chainstate.Event) {
		switch ev := ev.(type) {
		case chainstate.BlockStored:
			stored[ev.At.Hash]++
		case chainstate.BlockConnected:
			connected[ev.Node.Hash]++
		}
	})
	process(t, owner, slow.Parent.Path())
	type end struct {
		chainstate.Verdict
		err error
	}
	ends := make(chan end)
	for range 3 {
		block, err := consensus.ParseBlock(slow.Block.Raw)
		require.NoError(t, err)
		go func() {
			v, err := owner.ProcessBlock(context.Background(), block, true)
			ends <- end{v, err}
		}()
	}
	fresh := 0
	for range 3 {
		e := <-ends
		require.NoError(t, e.err)
		require.Nil(t, e.Reject)
		require.True(t, owner.Chain().Info(e.At).ValidScripts, "nobody is answered before the scripts have run")
		if e.New {
			fresh++
		}
	}
	require.Equal(t, [3]int{1, 1, 1}, [3]int{fresh, stored[slow.Hash], connected[slow.Hash]})
	require.NoError(t, owner.Close())
}

// TestALateRefusalAtTheTip: a block whose scripts fail was applied to the coins
// while they ran, and leaves nothing behind.
func TestALateRefusalAtTheTip(t *testing.T) {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	defer disk.Close(t)
	base := chaintest.Genesis(t, chaintest.Regtest(t))
	job := base.Job()
	job.Script = []byte{0} // OP_FALSE
	base = base.Build(job).Extend(101, 0)
	bad, good := base.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 5)), base.Extend(1, 1)
	var refused []chainstate.BlockRefused
	owner := open(t, disk, good.Time(), untouched, func(ev chainstate.Event) {
		if r, ok := ev.(chainstate.BlockRefused); ok {
			refused = append(refused, r)
		}
	})
	process(t, owner, base.Path())
	v, err := owner.ProcessBlock(t.Context(), bad.Block, true)
	require.NoError(t, err)
	require.NotNil(t, v.Reject)
	require.Contains(t, v.Reject.Reason, "block-script-verify-flag-failed")
	require.Len(t, refused, 1)
	require.NoError(t, owner.ReadTip(func(s *chain.TipState) error {
		require.Equal(t, base.Hash, s.Tip().Hash)
		_, there, err := s.Coin(base.Coinbase(1))
		require.True(t, there, "what it spent is back")
		return err
	}))
	process(t, owner, []*chaintest.Spot{good})
	require.Equal(t, good.Hash, owner.Chain().View().Tip().Hash)
	require.NoError(t, owner.Close())
}

// TestAnInvalidBlockLeavesItsRivalTheTip: one of the same work, which came while
// the scripts of the first ran, and for which nobody calls any more.
func TestAnInvalidBlockLeavesItsRivalTheTip(t *testing.T) {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	defer disk.Close(t)
	base := chaintest.Genesis(t, chaintest.Regtest(t))
	job := base.Job()
	job.Script = []byte{0} // OP_FALSE
	base = base.Build(job).Extend(101, 0)
	bad, rival := base.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 5)), base.Extend(1, 1)
	var owner *chainstate.Owner
	came := make(chan error, 1)
	owner = open(t, disk, rival.Time(), untouched, func(ev chainstate.Event) {
		if stored, ok := ev.(chainstate.BlockStored); !ok || stored.At.Hash != bad.Hash {
			return
		}
		entered := make(chan struct{})
		go func() {
			close(entered)
			came <- owner.DoAmidBlocks(context.Background(), func(s *chainstate.State) error {
				_, _, err := s.Chain.AcceptBlock(rival.Block, true, s.Now())
				return errors.Join(err, s.Advance())
			})
		}()
		<-entered
	})
	process(t, owner, base.Path())
	v, err := owner.ProcessBlock(t.Context(), bad.Block, true)
	require.NoError(t, err)
	require.NoError(t, <-came)
	require.NotNil(t, v.Reject)
	require.NoError(t, owner.Do(t.Context(), func(s *chainstate.State) error {
		require.Equal(t, rival.Hash, s.Chain.View().Tip().Hash)
		return nil
	}))
	require.NoError(t, owner.Close())
}

// amidSlow runs fn for the state while the scripts of a block run, or have run,
// and returns whether the block is still not connected after that.
func amidSlow(t *testing.T, slow *chaintest.Spot, fn func(*chainstate.State) error) (owner *chainstate.Owner, pending <-chan bool) {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	t.Cleanup(func() { disk.Close(t) })
	seen := make(chan bool, 1)
	owner = open(t, disk, slow.Time()+600, untouched, func(ev chainstate.Event) {
		if stored, ok := ev.(chainstate.BlockStored); !ok || stored.At.Hash != slow.Hash {
			return
		}
		entered := make(chan struct{})
		go func() {
			close(entered)
			err := owner.DoAmidBlocks(context.Background(), func(s *chainstate.State) error {
				err := fn(s)
				seen <- err == nil && s.Chain.Pending(s.Chain.Lookup(slow.Hash)) != nil
				return err
			})
			assert.NoError(t, err)
		}()
		<-entered
	})
	process(t, owner, slow.Parent.Path())
	return owner, seen
}

// everSlower runs fn with ever slower blocks, until it has seen that one was
// still pending.
func everSlower(t *testing.T, fn func(slow *chaintest.Spot) (pending bool)) {
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(101, 0)
	for inputs := 500; !fn(slowerBlock(base, inputs)); inputs *= 2 {
		require.Less(t, inputs, 8000, "it waits for the scripts")
	}
}

// TestABetterBranchDoesNotWaitWithTheState: the chain goes to it when the scripts
// of the block on the other branch have run, and nobody waits for that.
func TestABetterBranchDoesNotWaitWithTheState(t *testing.T) {
	everSlower(t, func(slow *chaintest.Spot) bool {
		better := slow.Parent.Extend(2, 1)
		owner, pending := amidSlow(t, slow, func(s *chainstate.State) error {
			for _, spot := range []*chaintest.Spot{better.Parent, better} {
				if _, _, err := s.Chain.AcceptBlock(spot.Block, true, s.Now()); err != nil {
					return err
				}
			}
			return s.Advance()
		})
		v, err := owner.ProcessBlock(t.Context(), slow.Block, true)
		require.NoError(t, err)
		require.Nil(t, v.Reject)
		require.NoError(t, owner.ConnectStored(t.Context()))
		require.Equal(t, better.Hash, owner.Chain().View().Tip().Hash)
		require.True(t, owner.Chain().Info(v.At).ValidScripts)
		require.NoError(t, owner.Close())
		return <-pending
	})
}

// TestAnInvalidChildDoesNotWaitWithTheState: what is wrong with it is only known
// for sure when its parent is known to be valid.
func TestAnInvalidChildDoesNotWaitWithTheState(t *testing.T) {
	everSlower(t, func(slow *chaintest.Spot) bool {
		spent := slow.Parent.Coinbase(2)
		thief := slow.Next(chaintest.Spend([]wire.OutPoint{spent}, 5)).Next(chaintest.Spend([]wire.OutPoint{spent}, 6))
		owner, pending := amidSlow(t, slow, func(s *chainstate.State) error {
			for _, spot := range []*chaintest.Spot{thief.Parent, thief} {
				if _, _, err := s.Chain.AcceptBlock(spot.Block, true, s.Now()); err != nil {
					return err
				}
			}
			return errors.Join(s.Advance(), s.Advance())
		})
		v, err := owner.ProcessBlock(t.Context(), slow.Block, true)
		require.NoError(t, err)
		require.Nil(t, v.Reject)
		require.NoError(t, owner.ConnectStored(t.Context()))
		require.NoError(t, owner.Do(t.Context(), func(s *chainstate.State) error {
			require.Equal(t, thief.Parent.Hash, s.Chain.View().Tip().Hash)
			n := s.Chain.Lookup(thief.Hash)
			require.True(t, s.Chain.Info(n).Failed)
			require.Equal(t, "bad-txns-inputs-missingorspent", s.Chain.RefusedFor(n).Reason)
			return nil
		}))
		require.NoError(t, owner.Close())
		return <-pending
	})
}

// holdForSlow leaves the scripts of a block under way, and the blocks up to tip,
// which are not above it, stored.
func holdForSlow(t *testing.T, owner *chainstate.Owner, slow, tip *chaintest.Spot) {
	process(t, owner, slow.Parent.Path())
	require.NoError(t, owner.DoAmidBlocks(t.Context(), func(s *chainstate.State) error {
		_, _, err := s.Chain.AcceptBlock(slow.Block, true, s.Now())
		err = errors.Join(err, s.Advance())
		for _, spot := range tip.Path()[slow.Parent.Height:] {
			_, _, accepted := s.Chain.AcceptBlock(spot.Block, true, s.Now())
			err = errors.Join(err, accepted)
		}
		err = errors.Join(err, s.Advance())
		require.NotNil(t, s.Chain.Next())
		return err
	}))
}

// TestDoDoesNotWaitForBlocksThatWaited: those of a better branch are there, too,
// but begin when it has had its turn.
func TestDoDoesNotWaitForBlocksThatWaited(t *testing.T) {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	defer disk.Close(t)
	slow := slowBlock(chaintest.Genesis(t, chaintest.Regtest(t)).Extend(101, 0))
	better := slow.Parent.Extend(50, 1)
	owner := open(t, disk, better.Time(), untouched, func(chainstate.Event) {})
	holdForSlow(t, owner, slow, better)
	require.NoError(t, owner.Do(t.Context(), func(s *chainstate.State) error {
		require.Equal(t, slow.Hash, s.Chain.View().Tip().Hash)
		require.False(t, s.Chain.UnderWay())
		return nil
	}))
	require.NoError(t, owner.DoAmidBlocks(t.Context(), (*chainstate.State).Collect))
	require.NoError(t, owner.ConnectStored(t.Context()))
	require.Equal(t, better.Hash, owner.Chain().View().Tip().Hash)
	require.NoError(t, owner.Close())
}

// TestWhatWaitedGoesOnInTurns: there may be hours of blocks that waited, and
// whoever collects finished ones has the state for a moment only.
func TestWhatWaitedGoesOnInTurns(t *testing.T) {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	defer disk.Close(t)
	slow := slowBlock(chaintest.Genesis(t, chaintest.Regtest(t)).Extend(101, 0))
	better := slow.Parent.Extend(200, 1)
	long := better.Path()[slow.Height+40]
	owner := open(t, disk, better.Time(), func(prev chainhash.Hash) {
		if prev == long.Hash {
			<-time.After(chainstate.Turn)
		}
	}, func(chainstate.Event) {})
	holdForSlow(t, owner, slow, better)
	require.NoError(t, owner.Do(t.Context(), func(*chainstate.State) error { return nil }))
	require.NoError(t, owner.DoAmidBlocks(t.Context(), func(s *chainstate.State) error {
		require.NoError(t, s.Collect())
		require.Less(t, s.Chain.View().Height(), better.Height)
		return nil
	}))
	for owner.Chain().View().Height() < better.Height {
		require.NoError(t, owner.DoAmidBlocks(t.Context(), (*chainstate.State).Checkpoint))
	}
	require.NoError(t, owner.Close())
}

// slowCoins are a coin database that writes when it may.
type slowCoins struct {
	coins.Store
	open chan struct{}
}

func (c *slowCoins) Write(fill func(store.Writer) error) error {
	<-c.open
	return c.Store.Write(fill)
}

// TestAFlushThatEndsBetweenTwoLooks is no reason to take the chain for one that
// is where it should be.
func TestAFlushThatEndsBetweenTwoLooks(t *testing.T) {
	p := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	defer disk.Close(t)
	tip := chaintest.Genesis(t, p).Extend(400, 0)
	slow := &slowCoins{disk.Coins, make(chan struct{})}
	cfg := disk.Config(p)
	cfg.Coins, cfg.Cache = slow, 20_000
	owner, err := chainstate.Open(chainstate.Config{
		Chain: cfg, Mempool: mempool.DefaultConfig(), Now: tip.Time,
		Observe: func(chainstate.Event) {}, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	require.NoError(t, owner.DoAmidBlocks(t.Context(), func(s *chainstate.State) error {
		for _, spot := range tip.Path() {
			_, _, err := s.Chain.AcceptBlock(spot.Block, true, s.Now())
			require.NoError(t, err)
		}
		for {
			require.NoError(t, s.Advance())
			if !s.Chain.UnderWay() {
				break
			}
			require.NoError(t, s.Drain())
		}
		require.Less(t, s.Chain.View().Height(), tip.Height)
		require.NotNil(t, chainstate.Awaited(s))
		close(slow.open)
		<-s.Chain.Flushing()
		require.Nil(t, s.Chain.Crowded())
		require.NotNil(t, chainstate.Awaited(s))
		return nil
	}))
	require.NoError(t, owner.ConnectStored(t.Context()))
	require.Equal(t, tip.Hash, owner.Chain().View().Tip().Hash)
	require.NoError(t, owner.Close())
}

// TestOurBlockIsJudgedWhenOthersWereUnderWay: who submits it learns what it is.
func TestOurBlockIsJudgedWhenOthersWereUnderWay(t *testing.T) {
	slow := slowBlock(chaintest.Genesis(t, chaintest.Regtest(t)).Extend(101, 0))
	spent := slow.Parent.Coinbase(2)
	thief := slow.Next(chaintest.Spend([]wire.OutPoint{spent}, 5), chaintest.Spend([]wire.OutPoint{spent}, 6))
	better := slow.Parent.Extend(2, 1)
	for _, own := range []*chaintest.Spot{thief, better} {
		disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
		owner := open(t, disk, better.Time(), untouched, func(chainstate.Event) {})
		holdForSlow(t, owner, slow, own.Parent)
		v, err := owner.ProcessOwnBlock(t.Context(), own.Block)
		require.NoError(t, err)
		require.Equal(t, own == better, owner.Chain().Info(v.At).ValidScripts)
		require.Equal(t, own == thief, v.Reject != nil)
		require.NoError(t, owner.Close())
		disk.Close(t)
	}
}
