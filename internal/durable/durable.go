package durable

import (
	"errors"
	"os"
)

// Names makes durable which names a folder has: without it a file that was
// created or renamed there, and synced itself, may be gone.
func Names(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
