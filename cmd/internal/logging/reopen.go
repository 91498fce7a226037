package logging

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OpenFile opens a log file to append to, which only its owner may read.
func OpenFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}

// Reopen makes f, which OpenFile opened or a process inherited, the file that
// is at path now, or a new one: what rotates logs has moved the old one away.
// The descriptor stays the same, so lines may be written meanwhile, and a
// process that is being started inherits the one file or the other. After an
// error f is what it was.
func Reopen(f *os.File, path string) error {
	next, err := OpenFile(path)
	if err != nil {
		return err
	}
	err = Become(f, next)
	if err != nil {
		err = fmt.Errorf("reopening %s: %w", path, err)
	}
	return errors.Join(err, next.Close())
}

// Become makes f the file that next is, and keeps its descriptor.
func Become(f, next *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := error(nil)
	err = raw.Control(func(fd uintptr) { failed = unix.Dup3(int(next.Fd()), int(fd), unix.O_CLOEXEC) })
	return errors.Join(err, failed)
}
