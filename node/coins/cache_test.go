package coins

import (
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
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

// The cache does what a map does, whatever is flushed or reopened in between.
func TestCacheAgainstAMap(t *testing.T) {
	const seed = 170
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	db := openStore(t, dir)
	defer func() { require.NoError(t, db.Close()) }()
	cache, twin := open(t, db), map[wire.OutPoint]Coin{}
	name := func() wire.OutPoint {
		return wire.OutPoint{Hash: chainhash.Hash{byte(r.IntN(8))}, Index: uint32(r.IntN(40) * 100)}
	}
	for block := range 400 {
		view := cache.NewView()
		for range r.IntN(30) {
			op := name()
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
			require.NoError(t, cache.Prefetch([]wire.OutPoint{name(), name(), name()}))
		case 2:
			require.NoError(t, cache.Flush())
			cache = open(t, db)
			require.Equal(t, best, cache.Best())
		}
	}
	require.NoError(t, cache.Flush())
	snapshot := cache.Snapshot()
	defer snapshot.Close()
	stored := map[wire.OutPoint]Coin{}
	require.NoError(t, EachCoin(snapshot, func(op wire.OutPoint, coin Coin, _ int) error {
		stored[op] = coin
		return nil
	}))
	require.Equal(t, twin, stored, "seed %d", seed)
}

// A coin that lives and dies between two flushes never reaches the store.
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

func TestReadersSeeAFlushInProgress(t *testing.T) {
	db := openStore(t, t.TempDir())
	defer func() { require.NoError(t, db.Close()) }()
	cache := open(t, db)
	op := wire.OutPoint{Index: 7}
	view := cache.NewView()
	view.Add(op, Coin{Value: 5, Height: 1}, true)
	cache.Commit(view, chainhash.Hash{1})
	_, entries, err := cache.beginFlush()
	require.NoError(t, err)
	coin, there, err := cache.Get(op)
	require.NoError(t, err)
	require.True(t, there)
	require.Equal(t, int64(5), coin.Value)
	_, _, err = cache.beginFlush()
	require.Error(t, err)
	cache.endFlush(entries)
}
