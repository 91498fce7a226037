package chain_test

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// slowDisk is a coin database that writes when it may.
type slowDisk struct {
	coins.Store
	open atomic.Pointer[chan struct{}] // closed when it may
}

func newSlowDisk(db coins.Store) *slowDisk {
	d := &slowDisk{Store: db}
	d.release()
	return d
}

func (d *slowDisk) hold() {
	gate := make(chan struct{})
	d.open.Store(&gate)
}

func (d *slowDisk) release() {
	gate := make(chan struct{})
	close(gate)
	if old := d.open.Swap(&gate); old != nil {
		close(*old)
	}
}

func (d *slowDisk) Write(fill func(store.Writer) error) error {
	<-*d.open.Load()
	return d.Store.Write(fill)
}

// advance gives blocks to an engine until it has taken all, or memory is full.
func advance(t *testing.T, e *chain.Engine, path []*chaintest.Spot) (left []*chaintest.Spot) {
	t.Helper()
	for i, s := range path {
		_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(t, err)
		for more := true; more || e.UnderWay(); {
			chaintest.Tell(e, nil)
			more, err = e.Advance(regtestNow)
			require.NoError(t, err)
			if !more && e.UnderWay() {
				require.NoError(t, e.Drain(regtestNow))
				more = true
			}
		}
		chaintest.Tell(e, nil)
		if e.Crowded() != nil {
			return path[i+1:]
		}
	}
	return nil
}

// Blocks are connected while coins are written, until memory is full; then the
// chain stands, and goes on when the flush has ended.
func TestChainGoesOnBesideAFlush(t *testing.T) {
	p := chaintest.Regtest(t)
	tip := chaintest.Genesis(t, p).Extend(400, 0)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	defer disk.Close(t)
	cfg := disk.Config(p)
	slow := newSlowDisk(disk.Coins)
	cfg.Coins, cfg.Cache = slow, 20_000
	e, err := chain.Open(cfg, regtestNow)
	require.NoError(t, err)
	slow.hold()
	left := advance(t, e, tip.Path())
	require.NotEmpty(t, left, "memory is full")
	begun := e.Flushing()
	require.NotNil(t, begun)
	standing := e.View().Height()
	require.Greater(t, standing, int32(100))
	require.False(t, e.Resumes())
	require.LessOrEqual(t, e.Coins().Size(), cfg.Cache+1000, "by a block at most")
	more, err := e.Advance(regtestNow)
	require.NoError(t, err)
	require.False(t, more)

	slow.release()
	<-e.Flushed()
	require.NoError(t, e.Collect(regtestNow))
	require.True(t, e.Resumes())
	require.Nil(t, e.Flushing())
	require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	for len(left) > 0 {
		if left = advance(t, e, left); len(left) > 0 {
			<-e.Crowded()
		}
	}
	require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	require.Equal(t, tip.Hash, e.View().Tip().Hash)
	require.Equal(t, undisturbed(t, p, tip), chaintest.Statistics(t, e, coins.HashSerialized3))
}

// Whatever part of a flush reached the disk while the chain went on to another
// branch, the set comes back.
func TestCrashAtEveryStepOfAFlushBeside(t *testing.T) {
	p := chaintest.Regtest(t)
	a, b := branches(t, p)
	steps := 0
	for done := false; !done; steps++ {
		dir := t.TempDir()
		disk := chaintest.OpenDisk(t, dir, p)
		cfg := disk.Config(p)
		db := &mortal{Store: disk.Coins, left: -1}
		slow := newSlowDisk(db)
		cfg.Coins = slow
		e, err := chain.Open(cfg, regtestNow)
		require.NoError(t, err)
		give(t, e, a.Parent.Path())
		require.NoError(t, e.Flush())
		give(t, e, []*chaintest.Spot{a})
		slow.hold()
		db.left = steps
		require.NoError(t, e.BeginFlush())
		give(t, e, b.Path())
		require.Equal(t, b.Hash, e.View().Tip().Hash)
		require.NoError(t, e.Checkpoint())
		slow.release()
		<-e.Flushing()
		if err := e.Collect(regtestNow); err != nil {
			require.ErrorIs(t, err, errCrash)
			require.ErrorIs(t, e.Leave(), errCrash, "nothing is written any more")
		} else {
			done = true
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
	require.Greater(t, steps, 5)
}

// The end does not wait for many coins: the next start repeats the blocks that
// they come from, within the bound of memory, and goes on from there.
func TestWhatIsLeftUnwrittenIsRepeated(t *testing.T) {
	p, dir := chaintest.Regtest(t), t.TempDir()
	a, b := branches(t, p)
	top := b.Extend(300, 'b')
	repeated := 0
	session := func(cache int64, interrupted func() bool, fn func(e *chain.Engine, slow *slowDisk)) {
		disk := chaintest.OpenDisk(t, dir, p)
		defer disk.Close(t)
		cfg := disk.Config(p)
		slow := newSlowDisk(disk.Coins)
		cfg.Coins, cfg.Cache, cfg.LeaveWrites, cfg.Interrupted = slow, cache, 0, interrupted
		repeated = 0
		cfg.Replayed = func(done, left int) { repeated = max(repeated, done+left) }
		e, err := chain.Open(cfg, regtestNow)
		if interrupted != nil {
			require.ErrorIs(t, err, chain.ErrInterrupted)
			return
		}
		require.NoError(t, err)
		fn(e, slow)
	}
	const large, small = 64 << 20, 20_000
	session(large, nil, func(e *chain.Engine, slow *slowDisk) {
		give(t, e, a.Path())
		require.NoError(t, e.Flush())
		give(t, e, b.Path())
		slow.hold()
		require.NoError(t, e.BeginFlush())
		give(t, e, top.Path()[len(b.Path()):])
		left := make(chan error)
		go func() { left <- e.Leave() }()
		slow.release()
		require.NoError(t, <-left)
	})
	session(large, func() bool { return repeated > 0 }, nil)
	session(small, nil, func(e *chain.Engine, _ *slowDisk) {
		require.Equal(t, top.Hash, e.View().Tip().Hash)
		require.Equal(t, int(a.Height-105+top.Height-105), repeated)
		require.LessOrEqual(t, e.Coins().Size(), int64(small))
		require.NoError(t, e.Leave())
	})
	session(small, nil, func(e *chain.Engine, _ *slowDisk) {
		require.Equal(t, top.Hash, e.View().Tip().Hash)
		require.NotZero(t, repeated, "nothing was written in between")
		require.Equal(t, undisturbed(t, p, top), chaintest.Statistics(t, e, coins.HashSerialized3))
		require.NoError(t, e.Leave())
	})
	session(large, nil, func(e *chain.Engine, _ *slowDisk) {
		require.Equal(t, top.Hash, e.View().Tip().Hash)
		require.Zero(t, repeated, "all was written")
	})
}

// A chain whose best block changes all the time, in as little memory as makes it
// flush all the time, with ends in order and others, has the set that it should
// have.
func TestFlushesBesideABraid(t *testing.T) {
	rng := chaintest.Seeded(t)
	braid := chaintest.NewBraid(t, rng, 40, 400)
	p, dir := chaintest.Regtest(t), t.TempDir()
	given := map[chainhash.Hash]bool{braid.Genesis.Hash: true}
	for tips := braid.Tips; len(tips) > 0; {
		count := min(1+rng.IntN(12), len(tips))
		flushesBesideABraid(t, p, dir, rng, braid, tips[:count], given)
		tips = tips[count:]
	}
}

func flushesBesideABraid(t *testing.T, p *consensus.Params, dir string, rng *rand.Rand, braid *chaintest.Braid, tips []*chaintest.Spot, given map[chainhash.Hash]bool) {
	disk := chaintest.OpenDisk(t, dir, p)
	defer disk.Close(t)
	cfg := disk.Config(p)
	cfg.Cache, cfg.LeaveWrites = 15_000+rng.Int64N(30_000), rng.Int64N(40_000)
	e, err := chain.Open(cfg, regtestNow)
	require.NoError(t, err)
	require.NoError(t, chaintest.Activate(e, regtestNow, nil))
	for _, tip := range tips {
		for _, s := range tip.Path() {
			if info := e.Lookup(s.Hash); given[s.Hash] && info != nil && e.Info(info).HaveBlock {
				continue
			}
			given[s.Hash] = true
			_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
			require.NoError(t, err)
			require.NoError(t, chaintest.Activate(e, regtestNow, nil))
		}
		require.Equal(t, tip.Hash, e.View().Tip().Hash)
		if rng.IntN(4) == 0 {
			require.NoError(t, e.BeginFlush())
		}
		if rng.IntN(8) == 0 {
			require.Equal(t, braid.Sets[tip.Hash], chaintest.Statistics(t, e, coins.HashMuHash).Hash)
		}
	}
	if rng.IntN(2) == 0 {
		require.NoError(t, e.Leave())
		return
	}
	if e.Flushing() != nil { // it dies after that, as files stay open
		<-e.Flushing()
	}
}

// stuckDisk is a coin database that writes some entries, and the next ones only
// when it may.
type stuckDisk struct {
	coins.Store
	left  int
	stuck chan struct{} // closed when it waits
	free  chan struct{} // closed when it may go on
}

func newStuckDisk(db coins.Store, left int) *stuckDisk {
	return &stuckDisk{Store: db, left: left, stuck: make(chan struct{}), free: make(chan struct{})}
}

type stuckWriter struct {
	store.Writer
	disk *stuckDisk
}

func (d *stuckDisk) Write(fill func(store.Writer) error) error {
	return d.Store.Write(func(w store.Writer) error { return fill(stuckWriter{w, d}) })
}

func (w stuckWriter) Put(key, value []byte) error {
	if w.disk.left--; w.disk.left == 0 {
		close(w.disk.stuck)
		<-w.disk.free
	}
	return w.Writer.Put(key, value)
}

// A flush that is given up has written coins of a branch that the chain has left
// meanwhile. The next start takes them back, also if the one before was left in
// the same way.
func TestWhatAFlushWroteOfABranchThatWasLeftIsTakenBack(t *testing.T) {
	p, dir := chaintest.Regtest(t), t.TempDir()
	base := chaintest.Genesis(t, p).Extend(105, 0)
	many := make([]int64, 9000) // more than a flush writes before it looks whether it is given up
	a := base.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(1), base.Coinbase(2)}, many...))
	b := base.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(2)}, 7)).Extend(1, 'b')
	c := b.Extend(1, 'c')
	session := func(stuckAt int, fn func(e *chain.Engine, disk *stuckDisk)) {
		disk := chaintest.OpenDisk(t, dir, p)
		defer disk.Close(t)
		cfg := disk.Config(p)
		stuck := newStuckDisk(disk.Coins, stuckAt)
		cfg.Coins, cfg.LeaveWrites = stuck, 0
		e, err := chain.Open(cfg, regtestNow)
		require.NoError(t, err)
		fn(e, stuck)
	}
	leave := func(to *chaintest.Spot) func(*chain.Engine, *stuckDisk) {
		return func(e *chain.Engine, disk *stuckDisk) {
			require.NoError(t, e.BeginFlush())
			<-disk.stuck
			give(t, e, to.Path())
			require.Equal(t, to.Hash, e.View().Tip().Hash)
			e.GiveUpFlush()
			close(disk.free)
			require.NoError(t, e.Leave())
		}
	}
	session(0, func(e *chain.Engine, _ *stuckDisk) {
		give(t, e, base.Path())
		require.NoError(t, e.Flush())
	})
	session(6000, func(e *chain.Engine, disk *stuckDisk) {
		give(t, e, a.Path())
		leave(b)(e, disk)
	})
	session(1, leave(c))
	session(0, func(e *chain.Engine, _ *stuckDisk) {
		require.Equal(t, c.Hash, e.View().Tip().Hash)
		require.Equal(t, undisturbed(t, p, c), chaintest.Statistics(t, e, coins.HashSerialized3))
	})
}
