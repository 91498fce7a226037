package compact

import (
	"encoding/binary"
	"fmt"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// The least bytes of what comes in lists.
const (
	minTxSize    = 10
	minPrefilled = 1 + minTxSize
)

// reader takes fields from a message. After the first error all further reads
// return zero values.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
	}
}

func (r *reader) take(n int) []byte {
	if r.err == nil && n > len(r.rest) {
		r.fail("end of data")
	}
	if r.err != nil {
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// number reads a canonical compact size of at most max.
func (r *reader) number(max uint64) uint64 {
	first := r.take(1)
	if r.err != nil {
		return 0
	}
	n, least := uint64(first[0]), uint64(0)
	if size := map[byte]int{0xfd: 2, 0xfe: 4, 0xff: 8}[first[0]]; size > 0 {
		var le [8]byte
		copy(le[:], r.take(size))
		n, least = binary.LittleEndian.Uint64(le[:]), [9]uint64{2: 0xfd, 4: 1 << 16, 8: 1 << 32}[size]
	}
	switch {
	case r.err != nil:
	case n < least:
		r.fail("non-canonical ReadCompactSize()")
	case n > max:
		r.fail("indexes overflowed 16 bits")
	default:
		return n
	}
	return 0
}

// count reads the number of things of so many bytes at least.
func (r *reader) count(least int) int {
	n := r.number(1<<32 - 1)
	if n > uint64(len(r.rest)/least) {
		r.fail("end of data")
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) tx() *consensus.Tx {
	if r.err != nil {
		return nil
	}
	tx, rest, err := consensus.TakeTx(r.rest)
	if err != nil {
		r.fail("%w", err)
		return nil
	}
	r.rest = rest
	return tx
}

// end is the error of the whole. What follows a message is none of our business,
// as with every other.
func (r *reader) end() error { return r.err }

func appendNumber(raw []byte, n int) []byte {
	switch {
	case n < 0xfd:
		return append(raw, byte(n))
	case n < 1<<16:
		return binary.LittleEndian.AppendUint16(append(raw, 0xfd), uint16(n))
	}
	return binary.LittleEndian.AppendUint32(append(raw, 0xfe), uint32(n))
}
