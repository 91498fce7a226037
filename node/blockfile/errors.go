package blockfile

import "fmt"

// Kind is the stable name of a sort of failure.
type Kind string

func (k Kind) Error() string { return string(k) }

// The kinds of failure.
const (
	ErrMagic    Kind = "blockfile: no record at this position"
	ErrSize     Kind = "blockfile: record size out of range"
	ErrChecksum Kind = "blockfile: undo checksum mismatch"
	ErrKey      Kind = "blockfile: bad xor.dat"
	ErrMisfit   Kind = "blockfile: xor.dat does not fit"
)

// KeyError is an ErrKey in Bitcoin Core's words, which clients compare.
type KeyError struct{ Text string }

func (e *KeyError) Error() string { return e.Text }

// Unwrap returns ErrKey.
func (e *KeyError) Unwrap() error { return ErrKey }

// MisfitError tells that a block file does not begin with a block when it is
// read with the key. One of the two is damaged.
type MisfitError struct{ Key, Path string }

func (e *MisfitError) Error() string {
	return fmt.Sprintf("%s or %s is corrupt: no block begins the file when it is read with this key", e.Key, e.Path)
}

// Unwrap returns ErrMisfit.
func (e *MisfitError) Unwrap() error { return ErrMisfit }

// RecordError tells where a record could not be read.
type RecordError struct {
	Kind Kind
	Path string
	Pos  Pos
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("%s: %s offset %d", e.Kind, e.Path, e.Pos.Offset)
}

// Unwrap makes errors.Is find the Kind.
func (e *RecordError) Unwrap() error { return e.Kind }
