package blockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrInUse is returned for the file that blocks are appended to.
const ErrInUse Kind = "blockfile: file is being written"

// Remove deletes a blk file and its rev file. The file that is being appended
// to stays.
func (s *Store) Remove(num int32) error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if num == s.blocks.num {
		return fmt.Errorf("%w: %d", ErrInUse, num)
	}
	if to := s.undo[num]; to != nil {
		delete(s.undo, num)
		if err := to.file.Close(); err != nil {
			return err
		}
	}
	s.sizesMu.Lock()
	delete(s.sizes, num)
	s.sizesMu.Unlock()
	for _, prefix := range []string{"blk", "rev"} {
		if err := os.Remove(s.path(prefix, num)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// RemoveUndo deletes all undo data below dir, which no Store has open. It can
// be made again from the blocks.
func RemoveUndo(dir string) error { return removeFiles(dir, "rev", 0) }

// RemoveUnconnected deletes undo data, and the blocks that come after the first
// file that is missing: after pruning, nothing leads up to them.
func RemoveUnconnected(dir string) error {
	first := int32(0)
	for ; ; first++ {
		_, err := os.Stat(filepath.Join(dir, fmt.Sprintf("blk%05d.dat", first)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(removeFiles(dir, "blk", first), RemoveUndo(dir))
}

func removeFiles(dir, prefix string, first int32) error {
	names, err := filepath.Glob(filepath.Join(dir, prefix+"*.dat"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if num, ok := fileNumber(prefix, name); !ok || num < first {
			continue
		}
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}
