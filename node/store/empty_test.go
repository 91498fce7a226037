package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEmptyLeavesTheFolder, and what it began counts however far it came: an Open finds
// no half of a database.
func TestEmptyLeavesTheFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	require.NoError(t, Empty(dir), "there is none")
	require.NoDirExists(t, dir)
	fill := func() {
		db := open(t, dir)
		require.NoError(t, db.Write(func(w Writer) error { return w.Put([]byte("key"), []byte("value")) }))
		require.NoError(t, db.Close())
	}
	fill()
	before, err := os.Stat(dir)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	require.NoError(t, Empty(dir))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
	after, err := os.Stat(dir)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "it is the same folder")

	fill()
	require.NoError(t, Recover(dir), "nothing was begun")
	require.NoError(t, os.WriteFile(filepath.Join(dir, emptying), nil, 0o600))
	require.NoError(t, os.Remove(filepath.Join(dir, "MANIFEST")))
	db := open(t, dir)
	require.True(t, db.Empty())
	require.NoError(t, db.Close())
	require.NoFileExists(t, filepath.Join(dir, emptying))
}
