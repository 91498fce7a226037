package coins

import (
	"bufio"
	"bytes"
	"log/slog"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/store"
)

func never(uint64) error { return nil }

// setFile returns a file with a coin of each sort of script, and their hash.
func setFile(t testing.TB) (raw []byte, count uint64, hash chainhash.Hash) {
	t.Helper()
	db, err := store.Open(store.Config{InMemory: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	cache, _, err := Open(db)
	require.NoError(t, err)
	view := cache.NewView()
	for i, script := range scripts(t) {
		for _, index := range []uint32{0, 300, 20_000} {
			op := wire.OutPoint{Hash: chainhash.Hash{byte(i)}, Index: index}
			view.Add(op, Coin{Value: int64(i) * 12345, Script: script, Height: int32(i), Coinbase: i%2 == 0}, true)
			count++
		}
	}
	cache.Commit(view, chainhash.Hash{7})
	require.NoError(t, cache.Flush())
	snapshot := cache.Snapshot()
	defer snapshot.Close()
	stats, err := ReadStats(snapshot, HashSerialized3, func() error { return nil })
	require.NoError(t, err)
	var b bytes.Buffer
	written, err := WriteSet(&b, SetHeader{Network: [4]byte{1, 2, 3, 4}, Block: chainhash.Hash{7}, Coins: count}, snapshot, never)
	require.NoError(t, err)
	require.Equal(t, count, written)
	return b.Bytes(), count, stats.Hash
}

// readSet reads a file into an empty store and returns the hash of what is
// there then.
func readSet(t testing.TB, raw []byte) (chainhash.Hash, error) {
	t.Helper()
	db, err := store.Open(store.Config{InMemory: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	from := bufio.NewReader(bytes.NewReader(raw))
	header, err := ReadSetHeader(from)
	if err != nil {
		return chainhash.Hash{}, err
	}
	if err := ReadSet(db, header, 20, from, never); err != nil {
		return chainhash.Hash{}, err
	}
	cache, heads, err := Open(db)
	require.NoError(t, err)
	require.Nil(t, heads)
	require.Equal(t, header.Block, cache.Best())
	snapshot := db.Snapshot()
	defer snapshot.Close()
	stats, err := ReadStats(snapshot, HashSerialized3, func() error { return nil })
	require.NoError(t, err)
	return stats.Hash, nil
}

func TestSetFileRoundTrip(t *testing.T) {
	raw, _, want := setFile(t)
	got, err := readSet(t, raw)
	require.NoError(t, err)
	require.Equal(t, want, got)
	// In a file, an uncompressed key takes no more than its compressed form; what
	// only looks like one stays whole.
	require.Equal(t, 3, bytes.Count(raw, []byte{0x61, 0xde, 0xb6, 0x49}))
}

// Wherever the file is cut or continued, it is refused and nothing counts as
// being there.
func TestDamagedSetFiles(t *testing.T) {
	raw, _, _ := setFile(t)
	var malformed *SetError
	for cut := range raw {
		_, err := readSet(t, raw[:cut])
		require.ErrorAs(t, err, &malformed, cut)
		if cut >= SetHeaderSize {
			require.Contains(t, err.Error(), "Bad snapshot format or truncated snapshot after deserializing")
		}
	}
	_, err := readSet(t, append(bytes.Clone(raw), 0))
	require.EqualError(t, err, "Bad snapshot - coins left over after deserializing 27 coins")
}

func FuzzReadSet(f *testing.F) {
	raw, _, want := setFile(f)
	f.Add(raw)
	f.Add(raw[:SetHeaderSize])
	f.Fuzz(func(t *testing.T, changed []byte) {
		got, err := readSet(t, changed)
		if err != nil {
			var malformed *SetError
			require.ErrorAs(t, err, &malformed)
			return
		}
		if bytes.Equal(changed, raw) {
			require.Equal(t, want, got)
		}
	})
}
