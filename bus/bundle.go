package bus

import (
	"encoding/binary"

	"github.com/bulkheadnode/bulkhead/bus/link"
)

// bundle is events that arrived together under the same header, in the form
// in which they wait: small bodies lie one behind the other in one piece of
// memory, so that what waits is little work for the collector.
type bundle struct {
	topic  string
	from   string
	gap    uint64 // events lost before the first
	count  int    // events
	size   int    // bytes of them
	bodies []byte // each behind its length in bodyHead bytes
	slab   *slab  // where bodies are; nil if they may be kept
	lone   *lone  // instead of bodies: the only event
}

// lone is the content of an event that has memory of its own.
type lone struct {
	body     []byte
	attached [][]byte
}

// newLone takes over the content of a message, to keep.
func newLone(m *link.Message) *lone {
	body, own := m.Frame(1)
	if !own {
		body = append([]byte{}, body...)
	}
	return &lone{body: body, attached: attachments(m)}
}

const (
	bodyHead = 2
	// maxBundle is how many events a bundle may have.
	maxBundle = 256
)

// first returns the size of the first event in bytes.
func (b *bundle) first() int {
	if b.lone == nil {
		return int(binary.LittleEndian.Uint16(b.bodies))
	}
	n := len(b.lone.body)
	for _, frame := range b.lone.attached {
		n += len(frame)
	}
	return n
}

// keep makes what the events consist of theirs for good.
func (b *bundle) keep() { b.slab = nil }

// release gives the memory of the bodies back, if none of them was to keep.
func (b *bundle) release() {
	if b.slab != nil {
		b.slab.release()
		b.slab = nil
	}
}

// part gives bodies memory of their own if they have little: the slab is not to
// wait for them.
func (b *bundle) part() {
	if b.slab != nil && len(b.bodies) < slabBytes/8 {
		b.bodies = append([]byte{}, b.bodies...)
		b.release()
	}
}

// shift takes the first event out.
func (b *bundle) shift() Event {
	ev := Event{Topic: b.topic, From: b.from, Gap: b.gap}
	b.gap = 0
	b.count--
	if b.lone != nil {
		ev.body, ev.attached = b.lone.body, b.lone.attached
		return ev
	}
	end := bodyHead + b.first()
	ev.body = b.bodies[bodyHead:end:end]
	b.bodies = b.bodies[end:]
	return ev
}

// truncate keeps the first events, as many as fit into the given number of
// events and bytes, and returns how many it dropped.
func (b *bundle) truncate(events, size int) (dropped int) {
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
