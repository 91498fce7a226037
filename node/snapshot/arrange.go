package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/internal/durable"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// Arrange gives the folders of the sets in the chain's data directory the names that
// they are to have, and makes those that are missing. Nobody may have them open.
//
// It is done before the node's process is confined to what is in these folders: beside
// them lie wallets, and who may rename folders could give itself theirs. While the
// process runs it makes, renames and removes no folder there, so that an empty second
// folder means as much as none. Where nothing is to be done, nothing is tried.
func Arrange(dir string, log *slog.Logger) error {
	return New(Config{Dir: dir, Log: log}).arrange()
}

// Folders are those that Arrange makes: all that is in them is the node's.
func Folders(dir string) []string {
	s := New(Config{Dir: dir})
	return []string{s.Dir(), s.LoadedDir(), s.rollbackDir()}
}

// Tidy removes those of the folders that are empty, as far as it may.
func Tidy(dir string) {
	s := New(Config{Dir: dir})
	for _, empty := range []string{s.LoadedDir(), s.rollbackDir()} {
		RemoveEmpty(empty)
	}
}

// RemoveEmpty removes a folder with nothing in it, as far as it may. A link to a folder
// stays: the user has moved that elsewhere.
func RemoveEmpty(dir string) { _ = unix.Rmdir(dir) }

func (s *Sets) arrange() error {
	for _, dir := range []string{s.Dir(), s.LoadedDir()} {
		if err := store.Recover(dir); err != nil {
			return err
		}
	}
	if err := s.putAside(); err != nil {
		return err
	}
	if err := s.beginReplacement(); err != nil {
		return err
	}
	if err := s.endReplacement(); err != nil {
		return err
	}
	return s.makeFolders()
}

func there(path ...string) bool {
	_, err := os.Stat(filepath.Join(path...))
	return err == nil
}

// putAside renames the folder of a set that proved wrong.
func (s *Sets) putAside() error {
	if !there(s.LoadedDir(), refutedFile) {
		return nil
	}
	s.cfg.Log.Info(fmt.Sprintf("[snapshot] renaming snapshot datadir %s to %s", s.LoadedDir(), s.refutedDir()))
	if err := store.Remove(s.refutedDir()); err != nil {
		return err
	}
	return os.Rename(s.LoadedDir(), s.refutedDir())
}

// beginReplacement makes room for a loaded set that is proven.
func (s *Sets) beginReplacement() error {
	if !there(s.LoadedDir(), provenFile) || there(s.OutgrownDir()) {
		return nil
	}
	s.cfg.Log.Info("[snapshot] cleaning up unneeded background chainstate, then reinitializing")
	return os.Rename(s.Dir(), s.OutgrownDir())
}

// endReplacement does what is left to do after the folder of the coins was renamed.
func (s *Sets) endReplacement() error {
	if !there(s.OutgrownDir()) {
		return nil
	}
	if !there(s.Dir()) {
		if err := os.Rename(s.LoadedDir(), s.Dir()); err != nil {
			return err
		}
	}
	for _, name := range []string{provenFile, baseFile} {
		if err := os.Remove(filepath.Join(s.Dir(), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := durable.Names(s.cfg.Dir); err != nil {
		return err
	}
	return store.Remove(s.OutgrownDir())
}

// makeFolders makes what is missing, and empties what is for the moment.
func (s *Sets) makeFolders() error {
	made := false
	for _, dir := range Folders(s.cfg.Dir) {
		if err := store.Discard(dir); err != nil {
			return err
		}
		if there(dir) {
			continue
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		made = true
	}
	if made {
		if err := durable.Names(s.cfg.Dir); err != nil {
			return err
		}
	}
	return store.Empty(s.rollbackDir())
}
