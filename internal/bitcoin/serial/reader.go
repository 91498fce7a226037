package serial

import (
	"encoding/binary"
	"errors"
)

// MaxSize is the largest compact size that is read (32 MiB).
const MaxSize = 0x02000000

// The errors of reading.
var (
	ErrEnd          = errors.New("SpanReader::read(): end of data")
	ErrNonCanonical = errors.New("non-canonical ReadCompactSize()")
	ErrTooLarge     = errors.New("ReadCompactSize(): size too large")
)

// Reader reads bytes. What it returns refers to them.
type Reader struct {
	rest []byte
	err  error
}

// NewReader reads raw from its beginning.
func NewReader(raw []byte) *Reader { return &Reader{rest: raw} }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Fail makes err the error, if there is none yet.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Len returns how many bytes are left; none after an error.
func (r *Reader) Len() int {
	if r.err != nil {
		return 0
	}
	return len(r.rest)
}

// Take returns the next n bytes, nil after an error.
func (r *Reader) Take(n int) []byte {
	if r.err == nil && n > len(r.rest) {
		r.err = ErrEnd
	}
	if r.err != nil {
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if b := r.Take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint16 reads two bytes.
func (r *Reader) Uint16() uint16 {
	if b := r.Take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// Uint32 reads four bytes.
func (r *Reader) Uint32() uint32 {
	if b := r.Take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// Uint64 reads eight bytes.
func (r *Reader) Uint64() uint64 {
	if b := r.Take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Hash reads 32 bytes.
func (r *Reader) Hash() (hash [32]byte) {
	copy(hash[:], r.Take(len(hash)))
	return hash
}

// CompactSize reads a number of one, three, five or nine bytes, in its shortest form
// and not beyond MaxSize.
func (r *Reader) CompactSize() uint64 {
	n, least := uint64(r.Byte()), uint64(0)
	switch n {
	case 0xfd:
		n, least = uint64(r.Uint16()), 0xfd
	case 0xfe:
		n, least = uint64(r.Uint32()), 0x1_0000
	case 0xff:
		n, least = r.Uint64(), 0x1_0000_0000
	}
	switch {
	case r.err != nil:
	case n < least:
		r.err = ErrNonCanonical
	case n > MaxSize:
		r.err = ErrTooLarge
	}
	if r.err != nil {
		return 0
	}
	return n
}

// VarBytes reads bytes after their length.
func (r *Reader) VarBytes() []byte { return r.Take(int(r.CompactSize())) }
