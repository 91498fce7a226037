package space

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Reserve is how many bytes are to be left free, as Bitcoin Core leaves them.
const Reserve = 50 << 20

// ErrLow is the kind of a LowError.
var ErrLow = errors.New("disk space is low")

// LowError tells where there is too little room.
type LowError struct {
	Dir  string
	Free int64 // bytes
	Need int64 // bytes that are about to be written, and the reserve
}

// Error is in Bitcoin Core's words, which users search for.
func (e *LowError) Error() string {
	return fmt.Sprintf("Disk space is low for \"%s\": %d MiB are free, %d MiB are needed", e.Dir, e.Free>>20, e.Need>>20)
}

// Unwrap returns ErrLow.
func (e *LowError) Unwrap() error { return ErrLow }

// Check fails with a *LowError if so many bytes, and the reserve, do not fit
// where a folder is. What the system does not tell is taken for enough.
func Check(dir string, about int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return nil
	}
	free, need := int64(fs.Bavail)*fs.Bsize, about+Reserve
	if free < need {
		return &LowError{dir, free, need}
	}
	return nil
}
