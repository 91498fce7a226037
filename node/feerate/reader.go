package feerate

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// Errors of the reader, with the texts that Bitcoin Core has for them.
var (
	errEnd      = errors.New("AutoFile::read: end of file: iostream error")
	errNonCanon = errors.New("non-canonical ReadCompactSize(): iostream error")
	errTooLarge = errors.New("ReadCompactSize(): size too large: iostream error")
)

// maxSize is the most things that a size may tell of (Bitcoin Core's MAX_SIZE).
const maxSize = 0x02000000

// corrupt says what is wrong with a file.
func corrupt(what string, args ...any) error {
	return wording.Errorf("Corrupt estimates file. "+what, args...)
}

// reader takes a file apart. After the first error all it returns is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) take(n int) []byte {
	if r.err == nil && n > len(r.rest) {
		r.err = errEnd
	}
	if r.err != nil {
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// size reads a compact size.
func (r *reader) size() int {
	first := r.take(1)
	if first == nil {
		return 0
	}
	value, least := uint64(first[0]), uint64(0)
	if value >= 0xfd {
		var raw [8]byte
		width := 2 << (value - 0xfd)
		copy(raw[:], r.take(width))
		value = binary.LittleEndian.Uint64(raw[:])
		if least = 0xfd; width > 2 {
			least = 1 << (4 * width)
		}
	}
	switch {
	case value < least:
		r.fail(errNonCanon)
	case value > maxSize:
		r.fail(errTooLarge)
	}
	if r.err != nil {
		return 0
	}
	return int(value)
}

// number reads an average or a bound.
func (r *reader) number() float64 {
	v := math.Float64frombits(r.u64())
	if r.err == nil && (v < 0 || math.IsNaN(v) || math.IsInf(v, 0)) {
		r.fail(corrupt("Averages must be finite and not negative"))
	}
	return v
}

// numbers reads a list of them. The error is for one of another length.
func (r *reader) numbers(length int, other error) []float64 {
	if r.size() != length {
		r.fail(other)
	}
	return r.list(length)
}

// list reads so many numbers, for which memory is taken only if they are there.
func (r *reader) list(length int) []float64 {
	if r.err == nil && length > len(r.rest)/8 {
		r.err = errEnd
	}
	if r.err != nil {
		return nil
	}
	list := make([]float64, length)
	for i := range list {
		list[i] = r.number()
	}
	return list
}

func appendSize(b []byte, n int) []byte {
	if n < 0xfd {
		return append(b, byte(n))
	}
	if n <= math.MaxUint16 {
		return binary.LittleEndian.AppendUint16(append(b, 0xfd), uint16(n))
	}
	return binary.LittleEndian.AppendUint32(append(b, 0xfe), uint32(n))
}

func appendNumbers(b []byte, list []float64) []byte {
	b = appendSize(b, len(list))
	for _, v := range list {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

func appendRows(b []byte, rows [][]float64) []byte {
	b = appendSize(b, len(rows))
	for _, row := range rows {
		b = appendNumbers(b, row)
	}
	return b
}
