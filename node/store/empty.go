package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bulkheadnode/bulkhead/internal/durable"
)

// emptying is in a folder whose database is being deleted.
const emptying = "DELETING"

// Empty deletes a database that is not open, and leaves its folder, which need not be
// there: for who may not make such a one. If the process dies meanwhile, Open and
// Recover go on with it.
func Empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	marker := filepath.Join(dir, emptying)
	if err := durable.Replace(marker, nil, 0o600); err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == emptying {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	if err := durable.Names(dir); err != nil {
		return err
	}
	return os.Remove(marker)
}

// Recover ends an Empty that was not finished.
func Recover(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, emptying)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return Empty(dir)
}
