package store

import (
	"errors"
	"fmt"
)

var (
	// ErrLocked is returned when another process has the database open.
	ErrLocked = errors.New("store: database is locked by another process")
	// ErrForeign is returned for a folder with a database of another program.
	ErrForeign = errors.New("store: another program's database")
	// ErrCorrupt is the kind of a CorruptError.
	ErrCorrupt = errors.New("store: corrupt database")
)

// CorruptError names a file, or a folder, whose content is not what was
// written there.
type CorruptError struct {
	Path  string
	Cause error
}

func (e *CorruptError) Error() string { return fmt.Sprintf("%s is corrupt: %v", e.Path, e.Cause) }

// Unwrap returns ErrCorrupt and the cause.
func (e *CorruptError) Unwrap() []error { return []error{ErrCorrupt, e.Cause} }
