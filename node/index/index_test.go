package index

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// requireRight checks what a set tells of the chain up to a block, against the
// blocks and against the UTXO set.
func (s *set) requireRight(r *rig, tip *chaintest.Spot) {
	r.t.Helper()
	s.requireStats(r, tip)
	previous, err := s.filters.Get(r.View().At(0))
	require.NoError(r.t, err)
	for _, spot := range tip.Path() {
		at := r.node(spot)
		for i, tx := range spot.Txs {
			found, err := s.txs.Find(tx.ID)
			require.NoError(r.t, err)
			require.Equal(r.t, at.Hash, found.Block.Hash)
			require.Equal(r.t, tx.Raw(), found.Tx.Raw())
			for _, in := range tx.TxIn {
				spender, err := s.spenders.Find(in.PreviousOutPoint)
				require.NoError(r.t, err)
				if i == 0 {
					require.Nil(r.t, spender)
					continue
				}
				require.Equal(r.t, tx.ID, spender.Tx.ID)
				require.Equal(r.t, at.Hash, spender.Block.Hash)
			}
		}
		previous = s.requireFilter(r, at, previous)
	}
	for _, x := range s.all {
		require.Equal(r.t, tip.Height, x.Height())
		require.True(r.t, x.Covers(r.node(tip)))
	}
}

func (s *set) requireStats(r *rig, tip *chaintest.Spot) {
	r.t.Helper()
	require.Equal(r.t, tip.Hash, r.View().Tip().Hash)
	counted := chaintest.Statistics(r.t, r.Engine, coins.HashMuHash)
	stats, err := s.stats.Get(r.node(tip))
	require.NoError(r.t, err)
	require.Equal(r.t, counted.Hash, stats.MuHash)
	require.Equal(r.t, counted.Outputs, stats.Outputs)
	require.Equal(r.t, counted.Amount, stats.Amount)
	require.Equal(r.t, counted.BogoSize, stats.BogoSize)
	// Every satoshi of the subsidy is in the set or will never be.
	issued := int64(0)
	for height := range tip.Height + 1 {
		issued += r.p.Subsidy(height)
	}
	require.Equal(r.t, issued, stats.Amount+stats.Unspendable)
}

func TestFollowAndReorganise(t *testing.T) {
	r := newRig(t)
	f := newForest(t, r.p)
	s := mustOpen(r, newStores(t))
	require.Equal(t, int32(-1), s.txs.Height())
	require.False(t, s.txs.Synced())
	r.give(f.a.Path()...)
	require.Equal(t, 108, follow(t, &s.txs.Index))
	s.follow(t)
	s.requireRight(r, f.a)
	onA, err := s.stats.Get(r.node(f.a))
	require.NoError(t, err)
	filterOnA, err := s.filters.Get(r.node(f.a))
	require.NoError(t, err)

	r.give(f.b.Path()[105:]...)
	require.Equal(t, 3, follow(t, &s.stats.Index))
	s.follow(t)
	s.requireRight(r, f.b)

	// What was kept of the branch that lost is still there.
	stale, err := s.stats.Get(r.node(f.a))
	require.NoError(t, err)
	require.Equal(t, onA, stale)
	staleFilter, err := s.filters.Get(r.node(f.a))
	require.NoError(t, err)
	require.Equal(t, filterOnA, staleFilter)
	found, err := s.txs.Find(f.onlyA.ID)
	require.NoError(t, err)
	require.Equal(t, f.a.Hash, found.Block.Hash)
	spender, err := s.spenders.Find(wire.OutPoint{Hash: f.both.ID, Index: 1})
	require.NoError(t, err)
	require.Nil(t, spender)
}

func TestAmountsOfABlock(t *testing.T) {
	r := newRig(t)
	f := newForest(t, r.p)
	r.give(f.b.Path()...)
	s := mustOpen(r, newStores(t))
	s.follow(t)
	const coin = 100_000_000
	for _, c := range []struct {
		at   *chaintest.Spot
		want BlockAmounts
	}{
		{f.base, BlockAmounts{Coinbase: 50 * coin}},
		{f.b.Parent, BlockAmounts{
			Spent: 120 * coin, Created: 1 + 2 + 3 + 8 + 9, Coinbase: 50 * coin, Scripts: 7,
			Unclaimed: 120*coin - (1 + 2 + 3 + 7 + 8 + 9),
		}},
		{f.b, BlockAmounts{Coinbase: 49 * coin, Unclaimed: coin}},
	} {
		stats, err := s.stats.Get(r.node(c.at))
		require.NoError(t, err)
		require.Equal(t, c.want, stats.Block, "height %d", c.at.Height)
	}
	genesis, err := s.stats.Get(r.View().At(0))
	require.NoError(t, err)
	require.Equal(t, BlockAmounts{Genesis: 50 * coin}, genesis.Block)
	require.Equal(t, int64(50*coin), genesis.Unspendable)
	require.Zero(t, genesis.Amount)
}

// An index that is ahead of the chain waits for what comes instead.
func TestStaysWhileTheTipIsBehind(t *testing.T) {
	r := newRig(t)
	f := newForest(t, r.p)
	s := mustOpen(r, newStores(t))
	r.give(f.a.Path()...)
	s.follow(t)
	require.NoError(t, r.Invalidate(f.a.Parent.Hash, regtestNow))
	chaintest.Tell(r.Engine, nil)
	require.Equal(t, int32(105), r.View().Height())
	for _, x := range s.all {
		require.Zero(t, follow(t, x))
		require.Equal(t, int32(107), x.Height())
		require.True(t, x.Covers(r.View().Tip()))
	}
	r.give(f.b.Path()[105:]...)
	s.follow(t)
	s.requireRight(r, f.b)
}

func TestGoesOnAfterRestart(t *testing.T) {
	r := newRig(t)
	f := newForest(t, r.p)
	dir := t.TempDir()
	dbs := openStores(t, dir)
	s := mustOpen(r, dbs)
	r.give(f.a.Path()...)
	s.follow(t)
	dbs.close(t)

	r.give(f.b.Path()[105:]...)
	dbs = openStores(t, dir)
	defer dbs.close(t)
	s = mustOpen(r, dbs)
	for _, x := range s.all {
		require.Equal(t, int32(107), x.Height())
		require.False(t, x.Synced())
		require.Equal(t, 3, follow(t, x))
	}
	s.requireRight(r, f.b)
	for _, x := range mustOpen(r, dbs).all {
		require.True(t, x.Synced(), "there is nothing to add")
	}
}

var errCrash = errors.New("the machine is gone")

// mortal is a database that dies after a number of changes.
type mortal struct {
	Store
	left int
}

type mortalWriter struct {
	store.Writer
	db *mortal
}

func (m *mortal) Write(fill func(store.Writer) error) error {
	var died error
	err := m.Store.Write(func(w store.Writer) error {
		if died = fill(mortalWriter{w, m}); errors.Is(died, errCrash) {
			return nil // what came before is written
		}
		return died
	})
	return errors.Join(died, err)
}

func (w mortalWriter) Put(key, value []byte) error {
	if w.db.left == 0 {
		return errCrash
	}
	w.db.left--
	return w.Writer.Put(key, value)
}

// Whatever part of a step reached the disk, an index ends with exactly what an
// undisturbed one has.
func TestCrashAtEveryStep(t *testing.T) {
	r := newRig(t)
	f := newForest(t, r.p)
	r.give(f.base.Path()...)
	calm, shaken := newStores(t), newStores(t)
	mustOpen(r, calm).follow(t)
	mustOpen(r, shaken).follow(t)
	for _, tip := range []*chaintest.Spot{f.a, f.b} {
		r.give(tip.Path()[105:]...)
		mustOpen(r, calm).follow(t)
		for i := range shaken {
			crashes := 0
			for left := 0; ; left++ {
				dbs := shaken
				dbs[i] = &mortal{Store: shaken[i], left: left % 4}
				_, err := mustOpen(r, dbs).all[i].Step()
				if err == nil && mustOpen(r, shaken).all[i].Covers(r.View().Tip()) {
					break
				}
				if err != nil {
					require.ErrorIs(t, err, errCrash)
					crashes++
				}
				if left%16 == 15 { // blocks with more entries than that
					_, err := mustOpen(r, shaken).all[i].Step()
					require.NoError(t, err)
				}
			}
			require.GreaterOrEqual(t, crashes, 2)
		}
		s := mustOpen(r, shaken)
		s.follow(t)
		s.requireRight(r, tip)
	}
	for i := range calm {
		require.True(t, maps.Equal(dump(t, calm[i]), dump(t, shaken[i])), "index %d", i)
	}
}

// A chain that lost its last blocks, as after a power failure, or all of them,
// as for a reindex, does not stop an index.
func TestChainLostBlocks(t *testing.T) {
	old := newRig(t)
	f := newForest(t, old.p)
	dbs := newStores(t)
	old.give(f.a.Path()...)
	mustOpen(old, dbs).follow(t)

	for _, kept := range []int{0, 40, 105} {
		r := newRig(t)
		r.give(f.b.Path()[:kept]...)
		s := mustOpen(r, dbs)
		for _, x := range s.all {
			require.LessOrEqual(t, x.Height(), int32(kept))
			require.GreaterOrEqual(t, x.Height(), int32(kept-(107-kept)-1), "went farther back than twice what was lost")
		}
		s.follow(t)
		r.give(f.b.Path()[kept:]...)
		s.follow(t)
		s.requireRight(r, f.b)
		s = mustOpen(old, dbs) // as it was before, for the next round
		s.follow(t)
		s.requireRight(old, f.a)
	}
}

func TestFallenFarBehindIsNotSynced(t *testing.T) {
	r := newRig(t)
	s := mustOpen(r, newStores(t))
	follow(t, &s.txs.Index)
	tip := chaintest.Genesis(t, r.p).Extend(farBehind+2, 0)
	r.give(tip.Path()...)
	require.True(t, s.txs.Synced())
	_, err := s.txs.Step()
	require.NoError(t, err)
	require.False(t, s.txs.Synced())
	require.Equal(t, farBehind+1, follow(t, &s.txs.Index))
}

// Entries whose short hash is that of another name lead nowhere.
func TestPlacesOfOthers(t *testing.T) {
	r := newRig(t)
	f := newForest(t, r.p)
	dbs := newStores(t)
	r.give(f.a.Path()...)
	s := mustOpen(r, dbs)
	s.follow(t)
	name := f.onlyA.ID[:]
	require.NoError(t, dbs[1].Write(func(w store.Writer) error {
		for _, at := range []*chaintest.Spot{f.base, f.a} {
			for _, offset := range []int{0, 81, 100, 1 << 30} {
				if err := w.Put(s.txs.salt.key(name, r.node(at), offset), nil); err != nil {
					return err
				}
			}
		}
		far := s.txs.salt.key(name, r.node(f.a), 81)
		far[prefixSize] = 0x70
		return w.Put(far, nil)
	}))
	found, err := s.txs.Find(f.onlyA.ID)
	require.NoError(t, err)
	require.Equal(t, f.onlyA.ID, found.Tx.ID)
	unknown, err := s.txs.Find(chaintest.Genesis(t, r.p).Txs[0].ID)
	require.NoError(t, err)
	require.Nil(t, unknown)
}

func TestCorruptEntriesAreNamed(t *testing.T) {
	r := newRig(t)
	dbs := newStores(t)
	s := mustOpen(r, dbs)
	s.follow(t)
	put := func(db Store, key, value []byte) {
		require.NoError(t, db.Write(func(w store.Writer) error { return w.Put(key, value) }))
	}
	genesis := r.View().At(0)
	key := blockKey(0, genesis.Hash[:])
	put(dbs[0], slices.Clone(key), []byte{1})
	put(dbs[3], slices.Clone(key), []byte{1})
	_, err := s.filters.Get(genesis)
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = s.stats.Get(genesis)
	require.ErrorIs(t, err, ErrCorrupt)
	r.give(chaintest.Genesis(t, r.p).Extend(1, 0))
	_, err = s.stats.Step()
	require.ErrorIs(t, err, ErrCorrupt)
	require.Zero(t, s.stats.Height())
	for i, bad := range []byte{keyPosition, keySalt} {
		put(dbs[1+i], []byte{bad}, []byte{1, 2, 3})
	}
	_, err = OpenTransactions(r, dbs[1], Salt{})
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = OpenSpenders(r, dbs[2], Salt{})
	require.ErrorIs(t, err, ErrCorrupt)
}
