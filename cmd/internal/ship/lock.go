package ship

import (
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"

	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Name is what the node calls itself in messages to the user.
const Name = "Bulkhead"

// lockDirs takes the lock of each directory, so that no second node uses it.
// The locks end with the returned files, or with the process.
func lockDirs(dirs ...string) ([]*os.File, error) {
	var locks []*os.File
	taken := map[string]bool{}
	for _, dir := range dirs {
		if taken[dir] {
			continue
		}
		taken[dir] = true
		f, err := lockDir(dir)
		if err != nil {
			closeAll(locks)
			return nil, err
		}
		locks = append(locks, f)
	}
	return locks, nil
}

func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, config.Complain("Cannot write to directory '%s'; check permissions.", dir)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, config.Complain("Cannot obtain a lock on directory %s. %s is probably already running.", dir, Name)
		}
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	return f, nil
}

// stillThere fails if the directories whose locks were taken are not the ones
// at their paths any more: they were deleted, or their disk was taken away.
func stillThere(locks []*os.File) error {
	for _, f := range locks {
		held, err := f.Stat()
		if err != nil {
			return err
		}
		now, err := os.Stat(f.Name())
		if err != nil || !os.SameFile(held, now) {
			return config.Complain("The directory '%s' is gone. What was not written there yet is lost.", filepath.Dir(f.Name()))
		}
	}
	return nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// writePID writes the pid file.
func writePID(path string) error {
	err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	if err != nil {
		reason := err
		var errno syscall.Errno
		if errors.As(err, &errno) {
			reason = errno
		}
		return config.Complain("Unable to create the PID file '%s': %v", path, reason)
	}
	return nil
}
