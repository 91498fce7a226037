package compact

import (
	"bytes"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

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
	if r.err != nil {
		return 0
	}
	b := bytes.NewReader(r.rest)
	n, err := wire.ReadVarInt(b, 0)
	switch {
	case err != nil:
		r.fail("%w", err)
	case n > max:
		r.fail("indexes overflowed 16 bits")
	default:
		r.rest = r.rest[len(r.rest)-b.Len():]
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
	b := bytes.NewBuffer(raw)
	// A bytes.Buffer does not fail.
	_ = wire.WriteVarInt(b, 0, uint64(n))
	return b.Bytes()
}
