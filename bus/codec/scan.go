package codec

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// A broker reads and writes a header for every message that passes, so the
// form that a header has when this code wrote it (RFC 8949, section 4.2.1) is
// written and read here without reflection or allocation. Any other form is
// left to the CBOR library. A fuzz test holds the two against each other.

// CBOR major types (RFC 8949, section 3.1), shifted to their place in an
// item's initial byte.
const (
	majorUint = 0 << 5
	majorText = 3 << 5
	majorMap  = 5 << 5
)

// maxKey is the largest key of a Header.
const maxKey = 13

func appendUint(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func appendInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendUint(dst, 1<<5, uint64(^n))
	}
	return appendUint(dst, majorUint, uint64(n))
}

// headerWriter counts the pairs of the map that it appends to.
type headerWriter struct {
	out   []byte
	pairs byte
}

func (w *headerWriter) number(key byte, n uint64) {
	if n != 0 {
		w.pairs++
		w.out = appendUint(append(w.out, key), majorUint, n)
	}
}

func (w *headerWriter) text(key byte, s string) {
	if s != "" {
		w.pairs++
		w.out = append(appendUint(append(w.out, key), majorText, uint64(len(s))), s...)
	}
}

func appendHeader(dst []byte, h *Header) []byte {
	start := len(dst)
	w := headerWriter{out: append(dst, 0, 1, Version, 2), pairs: 2}
	w.out = appendUint(w.out, majorUint, uint64(h.Kind))
	w.number(3, h.ID)
	w.text(4, h.To)
	if h.Deadline != 0 {
		w.pairs++
		w.out = appendInt(append(w.out, 5), h.Deadline)
	}
	w.number(6, h.Trace)
	w.text(7, h.Target)
	w.text(8, h.From)
	w.text(9, h.Role)
	w.number(10, h.Gap)
	w.text(11, h.Fault)
	w.text(12, h.Text)
	w.number(13, h.Credit)
	w.out[start] = majorMap | w.pairs
	return w.out
}

// scanner reads items in their shortest form.
type scanner struct {
	in []byte
	ok bool
}

// head reads an item's head of the wanted major type.
func (s *scanner) head(major byte) uint64 {
	if !s.ok || len(s.in) == 0 || s.in[0]&0xe0 != major {
		s.ok = false
		return 0
	}
	info := s.in[0] & 0x1f
	if info < 24 {
		s.in = s.in[1:]
		return uint64(info)
	}
	width := 1 << (info - 24)
	if info > 27 || len(s.in) < 1+width {
		s.ok = false
		return 0
	}
	var n uint64
	for _, b := range s.in[1 : 1+width] {
		n = n<<8 | uint64(b)
	}
	s.in = s.in[1+width:]
	return n
}

func (s *scanner) text() []byte {
	n := s.head(majorText)
	if !s.ok || n > uint64(len(s.in)) || !utf8.Valid(s.in[:n]) {
		s.ok = false
		return nil
	}
	text := s.in[:n:n]
	s.in = s.in[n:]
	return text
}

func (s *scanner) below(limit uint64) uint64 {
	n := s.head(majorUint)
	s.ok = s.ok && n < limit
	return n
}

// scanHeader reads a header whose keys are known and ascend. It reports false
// for anything else, valid or not.
func scanHeader(frame []byte) (v View, version uint8, ok bool) {
	s := scanner{in: frame, ok: true}
	pairs := s.head(majorMap)
	if pairs > maxKey {
		return v, 0, false
	}
	last := uint64(0)
	for range pairs {
		key := s.below(maxKey + 1)
		if !s.ok || key <= last {
			return v, 0, false
		}
		last = key
		if key == 1 {
			version = uint8(s.below(math.MaxUint8 + 1))
			continue
		}
		s.field(&v, key)
	}
	return v, version, s.ok && len(s.in) == 0
}

func (s *scanner) field(v *View, key uint64) {
	switch key {
	case 2:
		v.Kind = Kind(s.below(math.MaxUint8 + 1))
	case 3:
		v.ID = s.head(majorUint)
	case 4:
		v.To = s.text()
	case 5:
		v.Deadline = int64(s.below(math.MaxInt64))
	case 6:
		v.Trace = s.head(majorUint)
	case 7:
		v.Target = s.text()
	case 8:
		v.From = s.text()
	case 9:
		v.Role = s.text()
	case 10:
		v.Gap = s.head(majorUint)
	case 11:
		v.Fault = s.text()
	case 12:
		v.Text = s.text()
	case 13:
		v.Credit = s.head(majorUint)
	}
}
