package coins

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/store"
)

func openStore(t *testing.T, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(store.Config{Dir: dir})
	require.NoError(t, err)
	return db
}

func open(t *testing.T, db *store.DB) *Cache {
	t.Helper()
	c, heads, err := Open(db)
	require.NoError(t, err)
	require.Nil(t, heads)
	return c
}

// name returns one of few.
func name(r *rand.Rand) wire.OutPoint {
	return wire.OutPoint{Hash: chainhash.Hash{byte(r.IntN(8))}, Index: uint32(r.IntN(40) * 100)}
}

// The cache does what a map does, whatever is flushed or reopened in between.
func TestCacheAgainstAMap(t *testing.T) {
	const seed = 170
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	db := openStore(t, dir)
	defer func() { require.NoError(t, db.Close()) }()
	cache, twin := open(t, db), map[wire.OutPoint]Coin{}
	for block := range 400 {
		view := cache.NewView()
		for range r.IntN(30) {
			op := name(r)
			if coin, there := twin[op]; there {
				got, err := view.Spend(op)
				require.NoError(t, err)
				require.Equal(t, coin, got)
				delete(twin, op)
				continue
			}
			_, err := view.Spend(op)
			require.ErrorIs(t, err, ErrMissing)
			coin := Coin{Value: r.Int64N(1e15), Script: []byte{byte(block)}, Height: int32(block)}
			view.Add(op, coin, true)
			twin[op] = coin
		}
		best := chainhash.Hash{byte(block), byte(block >> 8)}
		cache.Commit(view, best)
		switch r.IntN(6) {
		case 0:
			require.NoError(t, cache.Flush())
		case 1:
			require.NoError(t, cache.Prefetch([]wire.OutPoint{name(r), name(r), name(r)}))
		case 2:
			require.NoError(t, cache.Flush())
			cache = open(t, db)
			require.Equal(t, best, cache.Best())
		}
	}
	require.NoError(t, cache.Flush())
	require.Equal(t, twin, stored(t, cache), "seed %d", seed)
}

// A coin that lives and dies between two flushes never reaches the store.
// What others prefetch meanwhile changes nothing, however late they bring it.
func TestPrefetchBesideChanges(t *testing.T) {
	db := openStore(t, t.TempDir())
	defer func() { require.NoError(t, db.Close()) }()
	cache, twin := open(t, db), map[wire.OutPoint]Coin{}
	var others sync.WaitGroup
	var done atomic.Bool
	for i := range uint64(3) {
		others.Go(func() {
			r := rand.New(rand.NewPCG(i, 1))
			for !done.Load() {
				assert.NoError(t, cache.Prefetch([]wire.OutPoint{name(r), name(r), name(r), name(r)}))
			}
		})
	}
	defer others.Wait()
	defer done.Store(true)
	r := rand.New(rand.NewPCG(9, 9))
	for block := range int32(600) {
		view := cache.NewView()
		for range r.IntN(60) {
			op := name(r)
			want, there := twin[op]
			got, err := view.Spend(op)
			if !there {
				require.ErrorIs(t, err, ErrMissing, "block %d", block)
				twin[op] = Coin{Value: r.Int64N(1e15), Script: []byte{byte(block)}, Height: block}
				view.Add(op, twin[op], true)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, got)
			delete(twin, op)
		}
		cache.Commit(view, chainhash.Hash{byte(block), byte(block >> 8)})
		if r.IntN(3) == 0 {
			require.NoError(t, cache.Flush())
			cache.Trim(r.Int64N(2) * 1000)
		}
	}
}

// lateStore lets something happen between a look-up and its answer.
type lateStore struct {
	*store.DB
	meanwhile func()
}

func (s *lateStore) GetMany(keys [][]byte, found func(int, []byte) error) error {
	err := s.DB.GetMany(keys, found)
	s.meanwhile()
	return err
}

// A coin that is spent while it is looked up does not come back.
func TestPrefetchComesTooLate(t *testing.T) {
	op := wire.OutPoint{Index: 1}
	for what, flush := range map[string]func(*Cache) error{
		"spent":            func(*Cache) error { return nil },
		"flushed":          (*Cache).Flush,
		"flushed, trimmed": func(c *Cache) error { defer c.Trim(-1); return c.Flush() },
		"flushed, made new": func(c *Cache) error {
			return errors.Join(c.Flush(), change(c, func(v *View) { v.Add(op, Coin{Value: 2}, true) }))
		},
	} {
		t.Run(what, func(t *testing.T) {
			db := openStore(t, t.TempDir())
			defer func() { require.NoError(t, db.Close()) }()
			late := &lateStore{DB: db}
			cache, _, err := Open(late)
			require.NoError(t, err)
			require.NoError(t, change(cache, func(v *View) { v.Add(op, Coin{Value: 1}, true) }))
			require.NoError(t, cache.Flush())
			cache.Trim(-1)
			late.meanwhile = func() {
				require.NoError(t, change(cache, func(v *View) {
					_, err := v.Spend(op)
					require.NoError(t, err)
				}))
				require.NoError(t, flush(cache))
			}
			require.NoError(t, cache.Prefetch([]wire.OutPoint{op}))
			coin, there, err := cache.Get(op)
			require.NoError(t, err)
			require.Equal(t, what == "flushed, made new", there)
			require.Equal(t, there, coin.Value == 2)
		})
	}
}

// change commits a view.
func change(c *Cache, fn func(*View)) error {
	v := c.NewView()
	fn(v)
	c.Commit(v, chainhash.Hash{byte(c.Len())})
	return nil
}

func TestShortLivedCoinsAreNotWritten(t *testing.T) {
	db := openStore(t, t.TempDir())
	defer func() { require.NoError(t, db.Close()) }()
	cache := open(t, db)
	op := wire.OutPoint{Index: 1}
	for _, spend := range []bool{false, true} {
		view := cache.NewView()
		if spend {
			_, err := view.Spend(op)
			require.NoError(t, err)
		} else {
			view.Add(op, Coin{Value: 1, Script: []byte{1}, Height: 1}, true)
		}
		cache.Commit(view, chainhash.Hash{1})
	}
	require.Zero(t, cache.Len())
	require.Zero(t, cache.Size())
}

// The set goes on changing while it is written, and while what was written
// becomes clean; whoever reads sees what there is.
func TestChangesBesideAFlush(t *testing.T) {
	for _, small := range []bool{true, false} {
		db := openStore(t, t.TempDir())
		defer func() { require.NoError(t, db.Close()) }()
		cache, twin := open(t, db), map[wire.OutPoint]Coin{}
		r := rand.New(rand.NewPCG(3, 4))
		change := func(block int32) {
			view := cache.NewView()
			for range r.IntN(200) {
				op := wire.OutPoint{Hash: chainhash.Hash{byte(r.IntN(8))}, Index: uint32(r.IntN(1000))}
				want, there := twin[op]
				got, known, err := view.Get(op)
				require.NoError(t, err)
				require.Equal(t, there, known)
				if !there {
					twin[op] = Coin{Value: r.Int64N(1e15), Script: bytes.Repeat([]byte{byte(block)}, r.IntN(50)+1), Height: block}
					view.Add(op, twin[op], true)
					continue
				}
				require.Equal(t, want, got)
				_, err = view.Spend(op)
				require.NoError(t, err)
				delete(twin, op)
			}
			cache.Commit(view, chainhash.Hash{byte(block), byte(block >> 8)})
		}
		for block := int32(1); block < 150; {
			flush, err := cache.BeginFlush()
			require.NoError(t, err)
			_, err = cache.BeginFlush()
			require.ErrorIs(t, err, ErrFlushing)
			at, written := cache.Best(), make(chan error)
			go func() { written <- flush.Write() }()
			for range r.IntN(6) {
				change(block)
				block++
				require.NoError(t, cache.Prefetch([]wire.OutPoint{name(r), name(r), name(r)}))
				if !small {
					cache.Trim(cache.Unwritten())
				}
			}
			require.NoError(t, <-written)
			path, err := readPath(db)
			require.NoError(t, err)
			require.Equal(t, []chainhash.Hash{at}, path)
			require.True(t, cache.Whole() || !small)
			change(block)
			block++
		}
		require.Equal(t, small, cache.Whole())
		require.NoError(t, cache.Flush())
		require.Equal(t, twin, stored(t, cache))
	}
}

// A flush that is given up leaves all in memory, and the store says so.
func TestFlushGivenUp(t *testing.T) {
	db := openStore(t, t.TempDir())
	defer func() { require.NoError(t, db.Close()) }()
	cache := open(t, db)
	add := func(index uint32) {
		v := cache.NewView()
		v.Add(wire.OutPoint{Index: index}, Coin{Value: int64(index)}, true)
		cache.Commit(v, chainhash.Hash{byte(index)})
	}
	add(1)
	require.NoError(t, cache.Flush())
	add(2)
	flush, err := cache.BeginFlush()
	require.NoError(t, err)
	flush.GiveUp()
	require.ErrorIs(t, flush.Write(), ErrGivenUp)
	add(3)
	_, there, err := cache.Get(wire.OutPoint{Index: 2})
	require.NoError(t, err)
	require.True(t, there)
	for range 2 {
		require.NoError(t, cache.LeaveUnwritten())
		_, heads, err := Open(db)
		require.NoError(t, err)
		require.Equal(t, []chainhash.Hash{{3}, {2}, {1}}, heads, "some of 2 may be written")
	}

	flush.givenUp.Store(false)
	require.NoError(t, flush.Write())
	_, heads, err := Open(db)
	require.NoError(t, err)
	require.Empty(t, heads)
	require.NoError(t, cache.Flush())
	require.Len(t, stored(t, cache), 3)
	require.NoError(t, cache.LeaveUnwritten(), "nothing is")
	require.Equal(t, chainhash.Hash{3}, open(t, db).Best())
}

// stored returns what is in the store.
func stored(t *testing.T, cache *Cache) map[wire.OutPoint]Coin {
	t.Helper()
	snapshot := cache.Snapshot()
	defer snapshot.Close()
	set := map[wire.OutPoint]Coin{}
	require.NoError(t, EachCoin(snapshot, func(op wire.OutPoint, coin Coin, _ int) error {
		set[op] = coin
		return nil
	}))
	return set
}
