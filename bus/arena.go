package bus

import (
	"encoding/binary"

	"github.com/bulkheadnode/bulkhead/bus/link"
)

const (
	arenaBytes = 16 << 10
	// arenaShare is the largest body that shares its memory with others.
	arenaShare = 1 << 10
)

// arena gives the bodies of small messages parts of one piece of memory. They
// are decoded, which copies what is kept, and forgotten soon; attachments,
// which are kept as they are, get memory of their own.
type arena struct{ free []byte }

func (a *arena) copy(p []byte) []byte {
	if len(p) > arenaShare {
		return append([]byte(nil), p...)
	}
	if len(p) > len(a.free) {
		a.free = make([]byte, arenaBytes)
	}
	n := copy(a.free, p)
	own := a.free[:n:n]
	a.free = a.free[n:]
	return own
}

// fits reports whether extend has room for a body.
func (a *arena) fits(p []byte) bool { return bodyHead+len(p) <= len(a.free) }

// begin returns an empty slice to which extend can add a body of that size,
// of at most arenaShare bytes.
func (a *arena) begin(size int) []byte {
	if bodyHead+size > len(a.free) {
		a.free = make([]byte, arenaBytes)
	}
	return a.free[:0]
}

// extend adds a body that fits, behind its length, to what begin returned and
// extend has extended; nothing else has been taken from the arena since.
func (a *arena) extend(bodies, p []byte) []byte {
	binary.LittleEndian.PutUint16(a.free, uint16(len(p)))
	n := bodyHead + copy(a.free[bodyHead:], p)
	a.free = a.free[n:]
	return bodies[:len(bodies)+n]
}

// contents returns the body and the attachments of a message as memory that
// may be kept.
func (a *arena) contents(m *link.Message) (body []byte, attached [][]byte) {
	body, own := m.Frame(1)
	if !own {
		body = a.copy(body)
	}
	if m.Len() == 2 {
		return body, nil
	}
	attached = make([][]byte, m.Len()-2)
	for i := range attached {
		attached[i], own = m.Frame(2 + i)
		if !own {
			attached[i] = append([]byte{}, attached[i]...)
		}
	}
	return body, attached
}
