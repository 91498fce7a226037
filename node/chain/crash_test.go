package chain_test

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

var errCrash = errors.New("the machine is gone")

// mortal is a coin database that dies after a number of changes.
type mortal struct {
	coins.Store
	left int
}

type mortalWriter struct {
	store.Writer
	db *mortal
}

func (m *mortal) Write(fill func(store.Writer) error) error {
	dead := false
	err := m.Store.Write(func(w store.Writer) error {
		if err := fill(mortalWriter{w, m}); errors.Is(err, errCrash) {
			dead = true // what came before is written
		} else {
			return err
		}
		return nil
	})
	if dead {
		return errCrash
	}
	return err
}

func (w mortalWriter) spend() error {
	if w.db.left == 0 {
		return errCrash
	}
	w.db.left--
	return nil
}

func (w mortalWriter) Put(key, value []byte) error {
	if err := w.spend(); err != nil {
		return err
	}
	return w.Writer.Put(key, value)
}

func (w mortalWriter) Delete(key []byte) error {
	if err := w.spend(); err != nil {
		return err
	}
	return w.Writer.Delete(key)
}

// branches returns two branches that spend the same coins differently; b is
// longer.
func branches(t *testing.T, p *consensus.Params) (a, b *chaintest.Spot) {
	base := chaintest.Genesis(t, p).Extend(105, 0)
	first := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 20, 30)
	a = base.Next(first).Next(chaintest.Spend([]wire.OutPoint{{Hash: first.ID, Index: 1}, base.Coinbase(2)}, 5))
	b = base.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(2)}, 7)).Next(first).
		Next(chaintest.Spend([]wire.OutPoint{{Hash: first.ID}, base.Coinbase(4)}, 1, 2, 3))
	return a, b
}

// Whatever part of a flush reached the disk, the set of the flushed tip comes
// back. The flush goes from one branch to another.
func TestCrashAtEveryStepOfFlush(t *testing.T) {
	p := chaintest.Regtest(t)
	a, b := branches(t, p)
	steps := 0
	for done := false; !done; steps++ {
		dir := t.TempDir()
		disk := chaintest.OpenDisk(t, dir, p)
		cfg := disk.Config(p)
		db := &mortal{Store: disk.Coins, left: -1}
		cfg.Coins = db
		e, err := chain.Open(cfg, regtestNow)
		require.NoError(t, err)
		give := func(spots []*chaintest.Spot) {
			for _, s := range spots {
				_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
				require.NoError(t, err)
				require.NoError(t, chaintest.Activate(e, regtestNow, nil))
			}
		}
		give(a.Path())
		require.NoError(t, e.Flush())
		give(b.Path())
		require.Equal(t, b.Hash, e.View().Tip().Hash)
		db.left = steps
		err = e.Flush()
		done = err == nil
		if !done {
			require.ErrorIs(t, err, errCrash)
		}
		disk.Close(t)

		disk = chaintest.OpenDisk(t, dir, p)
		e, err = chain.Open(disk.Config(p), regtestNow)
		require.NoError(t, err)
		require.NoError(t, chaintest.Activate(e, regtestNow, nil))
		require.Equal(t, b.Hash, e.View().Tip().Hash, "step %d", steps)
		require.Equal(t, undisturbed(t, p, b), chaintest.Statistics(t, e, coins.HashSerialized3), "step %d", steps)
		disk.Close(t)
	}
	require.Greater(t, steps, 8)
}

func undisturbed(t *testing.T, p *consensus.Params, tip *chaintest.Spot) coins.Stats {
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	defer disk.Close(t)
	e, err := chain.Open(disk.Config(p), regtestNow)
	require.NoError(t, err)
	for _, s := range tip.Path() {
		_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(t, err)
	}
	require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	require.Equal(t, tip.Hash, e.View().Tip().Hash)
	return chaintest.Statistics(t, e, coins.HashSerialized3)
}

// A node that dies without a flush finds the last flushed tip.
func TestDeathWithoutFlush(t *testing.T) {
	p, dir := chaintest.Regtest(t), t.TempDir()
	tip := chaintest.Genesis(t, p).Extend(20, 0)
	disk := chaintest.OpenDisk(t, dir, p)
	e, err := chain.Open(disk.Config(p), regtestNow)
	require.NoError(t, err)
	for i, s := range tip.Path() {
		_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(t, err)
		require.NoError(t, chaintest.Activate(e, regtestNow, nil))
		if i == 9 {
			require.NoError(t, e.Flush())
		}
	}
	disk.Close(t)

	disk = chaintest.OpenDisk(t, dir, p)
	defer disk.Close(t)
	e, err = chain.Open(disk.Config(p), regtestNow)
	require.NoError(t, err)
	require.Equal(t, int32(10), e.View().Height())
	for _, s := range tip.Path() {
		_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(t, err)
	}
	require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	require.Equal(t, tip.Hash, e.View().Tip().Hash)
	require.Equal(t, undisturbed(t, p, tip), chaintest.Statistics(t, e, coins.HashSerialized3))
}
