package events

import (
	"sync"
	"sync/atomic"
)

// Slab is memory for small bodies. It is used again when all who hold it have
// given it up: its writer, each body that was copied into it, and each batch. A
// batch whose events may be kept never does, and leaves the slab to the
// collector, as does a body that nobody reads.
type Slab struct {
	mem     [slabBytes]byte
	holders atomic.Int32
}

const (
	slabBytes = 16 << 10
	// SmallBody is the size in bytes of the largest body that shares its memory
	// with others.
	SmallBody = 1 << 10
)

// slabPool holds memory, no state.
var slabPool = sync.Pool{New: func() any { return new(Slab) }}

// Release gives the slab up for one who holds it.
func (s *Slab) Release() {
	if s.holders.Add(-1) == 0 {
		slabPool.Put(s)
	}
}

// Writer fills one slab after the other. The zero Writer is ready. It belongs
// to one goroutine.
type Writer struct {
	slab *Slab
	used int
}

// fits reports whether there is room for a body of at most SmallBody bytes.
func (w *Writer) fits(body []byte) bool {
	return w.slab != nil && w.used+bodyHead+len(body) <= slabBytes
}

// hold returns a slab with room for a body, for one more holder.
func (w *Writer) hold(body []byte) *Slab {
	if !w.fits(body) {
		w.Close()
		w.slab = slabPool.Get().(*Slab)
		w.slab.holders.Store(1)
		w.used = 0
	}
	w.slab.holders.Add(1)
	return w.slab
}

// rest returns what is free in the slab.
func (w *Writer) rest() []byte { return w.slab.mem[w.used:] }

// Copy returns a copy of a body and the slab that it is in, for the caller to
// release when the copy is not needed any more; nil for memory of its own.
func (w *Writer) Copy(body []byte) ([]byte, *Slab) {
	if len(body) > SmallBody {
		return append([]byte{}, body...), nil
	}
	held := w.hold(body)
	start := w.used
	w.used += copy(held.mem[start:], body)
	return held.mem[start:w.used:w.used], held
}

// Close gives up the slab that is being filled.
func (w *Writer) Close() {
	if w.slab != nil {
		w.slab.Release()
		w.slab = nil
	}
}
