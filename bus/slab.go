package bus

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// slab is memory for small bodies. It is used again when all who hold it have
// given it up: its writer, and each content and bundle in it. A bundle whose
// events may be kept never does, and leaves the slab to the collector, as does
// a content that nobody decodes.
type slab struct {
	mem     [slabBytes]byte
	holders atomic.Int32
}

const (
	slabBytes = 16 << 10
	// smallBody is the largest body that shares its memory with others.
	smallBody = 1 << 10
)

// slabPool holds memory, no state.
var slabPool = sync.Pool{New: func() any { return new(slab) }}

func (s *slab) release() {
	if s.holders.Add(-1) == 0 {
		slabPool.Put(s)
	}
}

// slabWriter fills one slab after the other.
type slabWriter struct {
	slab *slab
	used int
}

// fits reports whether there is room for a body of at most smallBody bytes.
func (w *slabWriter) fits(body []byte) bool {
	return w.slab != nil && w.used+bodyHead+len(body) <= slabBytes
}

// hold returns a slab with room for a body, for one more holder.
func (w *slabWriter) hold(body []byte) *slab {
	if !w.fits(body) {
		w.close()
		w.slab = slabPool.Get().(*slab)
		w.slab.holders.Store(1)
		w.used = 0
	}
	w.slab.holders.Add(1)
	return w.slab
}

// copy returns a copy of a body and the slab that it is in, nil for memory of
// its own.
func (w *slabWriter) copy(body []byte) ([]byte, *slab) {
	if len(body) > smallBody {
		return append([]byte{}, body...), nil
	}
	held := w.hold(body)
	start := w.used
	w.used += copy(held.mem[start:], body)
	return held.mem[start:w.used:w.used], held
}

// begin gives a bundle room for a first body.
func (w *slabWriter) begin(b *bundle, body []byte) {
	w.hold(body)
	b.slab, b.bodies = w.slab, w.slab.mem[w.used:w.used]
}

// add adds a body that fits to a bundle, after whose beginning nothing else
// was copied.
func (w *slabWriter) add(b *bundle, body []byte) {
	free := w.slab.mem[w.used:]
	binary.LittleEndian.PutUint16(free, uint16(len(body)))
	n := bodyHead + copy(free[bodyHead:], body)
	w.used += n
	b.bodies = b.bodies[:len(b.bodies)+n]
	b.count++
	b.size += len(body)
}

// close gives the slab up.
func (w *slabWriter) close() {
	if w.slab != nil {
		w.slab.release()
		w.slab = nil
	}
}
