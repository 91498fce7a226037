package bus

import "github.com/bulkheadnode/bulkhead/bus/link"

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
