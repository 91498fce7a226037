package badgerdir

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/stretchr/testify/require"
)

func open(dir string) (*badger.DB, error) {
	return badger.Open(badger.DefaultOptions(dir).WithLogger(nil).WithMemTableSize(1 << 20).WithValueLogFileSize(1 << 20).WithValueThreshold(64))
}

func put(t *testing.T, db *badger.DB, key string) {
	t.Helper()
	require.NoError(t, db.Update(func(txn *badger.Txn) error {
		return txn.Set([]byte(key), []byte(key))
	}))
}

// A process can end between the creation of a log and the moment it gets its
// size.
func TestEmptyLogIsNoDamage(t *testing.T) {
	for _, name := range []string{"%05d.mem", "%06d.vlog"} {
		dir := t.TempDir()
		require.NoError(t, RemoveEmptyLogs(filepath.Join(dir, "none")))
		db, err := open(dir)
		require.NoError(t, err)
		put(t, db, "kept")
		require.NoError(t, db.Close())

		empty := filepath.Join(dir, fmt.Sprintf(name, 7))
		require.NoError(t, os.WriteFile(empty, nil, 0o600))
		_, err = open(dir)
		require.ErrorContains(t, err, "Create a new file", "the library copes by itself")

		require.NoError(t, os.Truncate(empty, 0)) // it has given it a size
		require.NoError(t, RemoveEmptyLogs(dir))
		require.NoFileExists(t, empty)
		db, err = open(dir)
		require.NoError(t, err)
		require.NoError(t, db.View(func(txn *badger.Txn) error {
			_, err := txn.Get([]byte("kept"))
			return err
		}))
		require.NoError(t, db.Close())
	}
}

func TestOpenDatabaseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	db, err := open(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	empty := filepath.Join(dir, "00009.mem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	require.NoError(t, RemoveEmptyLogs(dir))
	require.FileExists(t, empty)
}
