package bus

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// slab is memory for the bodies of small events. It is used again when all
// who hold it have given it up: its writer, and each bundle in it. A bundle
// whose events may be kept never does, and leaves the slab to the collector.
type slab struct {
	mem     [slabBytes]byte
	holders atomic.Int32
}

const slabBytes = 16 << 10

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

// fits reports whether there is room for a body of at most arenaShare bytes.
func (w *slabWriter) fits(body []byte) bool {
	return w.slab != nil && w.used+bodyHead+len(body) <= slabBytes
}

// begin gives a bundle room for a first body.
func (w *slabWriter) begin(b *bundle, body []byte) {
	if !w.fits(body) {
		w.close()
		w.slab = slabPool.Get().(*slab)
		w.slab.holders.Store(1)
		w.used = 0
	}
	w.slab.holders.Add(1)
	b.slab, b.bodies = w.slab, w.slab.mem[w.used:w.used]
}

// add adds a body that fits to the last bundle that was begun.
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
