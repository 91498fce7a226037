package store

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func open(t *testing.T, dir string) *DB {
	t.Helper()
	db, err := Open(Config{Dir: dir})
	require.NoError(t, err)
	return db
}

func TestWriteReadReopen(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	require.NoError(t, db.Write(func(w Writer) error {
		for i := range uint32(50_000) {
			if err := w.Put(binary.BigEndian.AppendUint32([]byte("k"), i), []byte("value")); err != nil {
				return err
			}
		}
		return w.Delete([]byte("k\x00\x00\x00\x05"))
	}))
	snapshot := db.Snapshot()
	require.NoError(t, db.Write(func(w Writer) error { return w.Put([]byte("k\x00\x00\x00\x06"), []byte("new")) }))
	value, err := snapshot.Get([]byte("k\x00\x00\x00\x06"))
	require.NoError(t, err)
	require.Equal(t, "value", string(value))
	snapshot.Close()
	require.NoError(t, db.Close())

	db = open(t, dir)
	defer func() { require.NoError(t, db.Close()) }()
	count := uint32(0)
	require.NoError(t, db.Each([]byte("k"), func(key, value []byte) error {
		if count == 5 {
			count++
		}
		require.Equal(t, count, binary.BigEndian.Uint32(key[1:]))
		count++
		return nil
	}))
	require.Equal(t, uint32(50_000), count)
	value, err = db.Get([]byte("k\x00\x00\x00\x05"))
	require.NoError(t, err)
	require.Nil(t, value)
}

func TestSecondOpenFails(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	defer db.Close()
	_, err := Open(Config{Dir: dir})
	require.ErrorIs(t, err, ErrLocked)
}

// The framework of the drop-in tests copies the data directory for each node:
// sparse gigabytes would be written out in full.
func TestFilesStaySmall(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	require.NoError(t, db.Write(func(w Writer) error { return w.Put([]byte("a"), []byte("b")) }))
	total := int64(0)
	require.NoError(t, filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		total += info.Size()
		return err
	}))
	require.Less(t, total, int64(16<<20))
	require.NoError(t, db.Close())
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		db, err := Open(Config{Dir: dir})
		require.NoError(b, err)
		require.NoError(b, db.Close())
	}
}

// What a death in the middle of Remove leaves has another name: part of a
// database would seem to be a damaged one.
func TestRemoveTakesAllOrNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	db := open(t, dir)
	require.NoError(t, db.Write(func(w Writer) error { return w.Put(key(1), value(0, 1)) }))
	require.NoError(t, db.Close())
	require.NoError(t, os.Rename(dir, removed(dir))) // as far as that death comes
	db = open(t, dir)
	require.True(t, db.Empty())
	require.NoError(t, db.Close())
	require.NoDirExists(t, removed(dir))

	require.NoError(t, os.MkdirAll(removed(dir), 0o700))
	require.NoError(t, Remove(dir))
	require.NoDirExists(t, dir)
	require.NoDirExists(t, removed(dir))
	require.NoError(t, Remove(dir), "there is none")
}
