package events

import "encoding/binary"

// Event is one published event.
type Event struct {
	Topic    string
	From     string // instance of the publisher
	Gap      uint64 // events lost just before this one
	Body     []byte
	Attached [][]byte
}

// Batch is events that arrived together under the same header, in the form
// in which they wait: small bodies lie one behind the other in one piece of
// memory. A Batch that has been given to a Queue is not used again.
type Batch struct {
	topic  string
	from   string
	gap    uint64 // events lost before the first
	count  int    // events
	size   int    // bytes of them
	bodies []byte // each behind its length in bodyHead bytes
	slab   *Slab  // where bodies are; nil if they may be kept
	single *content
}

// content is that of the only event of a batch, in memory of its own.
type content struct {
	body     []byte
	attached [][]byte
}

const (
	bodyHead = 2
	// maxBatch is how many events a batch may have.
	maxBatch = 256
)

// NewBatch returns a batch without events. Gap is the number of those that
// were lost before the first.
func NewBatch(topic, from string, gap uint64) Batch {
	return Batch{topic: topic, from: from, gap: gap}
}

// Next returns a batch without events under b's header, before which none was
// lost.
func (b *Batch) Next() Batch { return NewBatch(b.topic, b.from, 0) }

// Len returns the number of events.
func (b *Batch) Len() int { return b.count }

// Room reports whether the body of one more event, of at most SmallBody bytes,
// finds room in the batch, and in the memory that w fills.
func (b *Batch) Room(w *Writer, body []byte) bool {
	return b.count < maxBatch && w.fits(body)
}

// Append adds an event of at most SmallBody bytes, for which there is Room
// unless it is the first. Nothing else may be copied with w between the first
// event of a batch and the last.
func (b *Batch) Append(w *Writer, body []byte) {
	if b.count == 0 {
		b.slab = w.hold(body)
		b.bodies = w.rest()[:0]
	}
	free := w.rest()
	binary.LittleEndian.PutUint16(free, uint16(len(body)))
	n := bodyHead + copy(free[bodyHead:], body)
	w.used += n
	b.bodies = b.bodies[:len(b.bodies)+n]
	b.count++
	b.size += len(body)
}

// Set makes an event of any size the only one. The batch takes its memory over.
func (b *Batch) Set(body []byte, attached [][]byte) {
	b.single, b.count = &content{body, attached}, 1
	b.size = b.first()
}

// first returns the size of the first event in bytes.
func (b *Batch) first() int {
	if b.single == nil {
		return int(binary.LittleEndian.Uint16(b.bodies))
	}
	n := len(b.single.body)
	for _, frame := range b.single.attached {
		n += len(frame)
	}
	return n
}

// keep makes what the events consist of theirs for good.
func (b *Batch) keep() { b.slab = nil }

// release gives the memory of the bodies back, if none of them was to keep.
func (b *Batch) release() {
	if b.slab != nil {
		b.slab.Release()
		b.slab = nil
	}
}

// moveOut gives bodies memory of their own if they have little: the slab is
// not to wait for them.
func (b *Batch) moveOut() {
	if b.slab != nil && len(b.bodies) < slabBytes/8 {
		b.bodies = append([]byte{}, b.bodies...)
		b.release()
	}
}

// shift takes the first event out.
func (b *Batch) shift() Event {
	ev := Event{Topic: b.topic, From: b.from, Gap: b.gap}
	b.gap = 0
	b.count--
	if b.single != nil {
		ev.Body, ev.Attached = b.single.body, b.single.attached
		return ev
	}
	end := bodyHead + b.first()
	ev.Body = b.bodies[bodyHead:end:end]
	b.bodies = b.bodies[end:]
	return ev
}

// truncate keeps the first events, as many as fit into the given number of
// events and bytes, and returns how many it dropped.
func (b *Batch) truncate(events, size int) (dropped int) {
	if b.count <= events && b.size <= size {
		return 0
	}
	rest, kept := *b, *b
	kept.count, kept.size = 0, 0
	for rest.count > 0 && kept.count < events && kept.size+rest.first() <= size {
		kept.size += rest.first()
		kept.count++
		rest.shift()
	}
	dropped = b.count - kept.count
	*b = kept
	return dropped
}
