package link

import (
	"unsafe"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// segment is a run of wire bytes that are still to be written.
type segment struct {
	data   []byte
	from   *block // memory to release, nil for a sender's own frame
	held   int    // what it counts for in backlog.held, 0 in a chunk
	ends   int32  // messages that end here
	copied bool   // from is a chunk
}

// backlog is the memory of an outbound queue.
//
// Invariant: bytes is the sum of the lengths of all segments.
//
// Invariant: held is the memory that would be free without the queue: chunks
// and blocks as a whole, however little of them is in use, and until their
// last byte has been written; frames of the sender with their length, as several
// may be parts of one piece of memory; each with the allocator's share; and the
// table of segments beyond the size that a link may keep. Blocks that several
// links share count for each of them.
type backlog struct {
	segments []segment
	bytes    int
	held     int

	// The chunk that takes what is copied next, nil if there is none. It is
	// held here as well as by the segments in it.
	open *block
	used int // bytes of open
}

// allocated is what n bytes of memory cost: the allocator rounds up, and keeps
// books.
func allocated(n int) int { return n + n/allocatorShare }

const allocatorShare = 10

// tableCost is what a table of segments costs, twice: the collector takes its
// time with one that was outgrown.
func tableCost(capacity int) int {
	return 2 * max(0, capacity-maxBuffers) * int(unsafe.Sizeof(segment{}))
}

// freight is what a message will take of a backlog.
type freight struct {
	size       int // wire bytes
	copied     int // of them, those that go to chunks
	referred   int // memory of the rest
	references int // pieces of that
}

// frame adds a frame that a sender gives.
func (f *freight) frame(content []byte) {
	size := zmtp.FrameSize(len(content))
	f.size += size
	if len(content) < largeFrame {
		f.copied += size
		return
	}
	f.copied += size - len(content)
	f.referred += allocated(len(content))
	f.references++
}

// message adds all frames of m but the first.
func (f *freight) message(m *Message) {
	f.copied += len(m.rest)
	f.size += len(m.rest)
	for i, b := range m.blocks {
		f.size += len(m.used(i))
		f.referred += allocated(len(b.mem))
	}
	f.references += len(m.blocks)
}

// chunks is how many more chunks the copied part needs.
func (b *backlog) chunks(f *freight) int {
	room := 0
	if b.open != nil {
		room = chunkBytes - b.used
	}
	return (max(0, f.copied-room) + chunkBytes - 1) / chunkBytes
}

// table returns the capacity that the table needs to take f: each piece of a
// message may be followed by bytes of a chunk.
func (b *backlog) table(f *freight, chunks int) int {
	need := len(b.segments) + chunks + 2*f.references + 1
	if need <= cap(b.segments) {
		return cap(b.segments)
	}
	return max(need, 2*cap(b.segments))
}

// price is by how much held would grow with f.
func (b *backlog) price(f *freight) int {
	chunks := b.chunks(f)
	return chunks*allocated(chunkBytes) + f.referred + tableCost(b.table(f, chunks)) - tableCost(cap(b.segments))
}

// reserve makes the table large enough for f.
func (b *backlog) reserve(f *freight) {
	if capacity := b.table(f, b.chunks(f)); capacity > cap(b.segments) {
		b.resize(capacity)
	}
}

func (b *backlog) resize(capacity int) {
	b.held += tableCost(capacity) - tableCost(cap(b.segments))
	b.segments = append(make([]segment, 0, capacity), b.segments...)
}

// space returns the last segment, in a chunk with room for at least one more
// byte.
func (b *backlog) space() *segment {
	if b.open != nil && b.used == chunkBytes {
		b.shutChunk()
	}
	if b.open == nil {
		b.open, b.used = newBlock(&chunkPool), 0
		b.held += allocated(chunkBytes)
	} else if n := len(b.segments); n > 0 && b.segments[n-1].from == b.open {
		return &b.segments[n-1]
	}
	b.open.hold()
	b.segments = append(b.segments, segment{data: b.open.mem[b.used:b.used], from: b.open, copied: true})
	return &b.segments[len(b.segments)-1]
}

// shutChunk gives up the open chunk, which its segments may still hold.
func (b *backlog) shutChunk() {
	if b.open.release() {
		b.held -= allocated(chunkBytes)
	}
	b.open = nil
}

// add copies wire bytes into chunks.
func (b *backlog) add(p []byte) {
	b.bytes += len(p)
	for len(p) > 0 {
		s := b.space()
		n := min(len(p), chunkBytes-b.used)
		s.data = append(s.data, p[:n]...)
		b.used += n
		p = p[n:]
	}
}

// refer queues memory without copying it.
func (b *backlog) refer(p []byte, held int, from *block) {
	b.bytes += len(p)
	b.held += held
	b.segments = append(b.segments, segment{data: p, from: from, held: held})
}

// frame queues one frame, a large one by reference.
func (b *backlog) frame(content []byte, flags byte) {
	var head [zmtp.LongHead]byte
	b.add(zmtp.AppendHead(head[:0], flags, len(content)))
	if len(content) >= largeFrame {
		b.refer(content, allocated(len(content)), nil)
		return
	}
	b.add(content)
}

// message queues all frames of m but the first. What m holds in blocks is
// shared, not copied.
func (b *backlog) message(m *Message) {
	b.add(m.rest)
	for i, from := range m.blocks {
		from.hold()
		b.refer(m.used(i), allocated(len(from.mem)), from)
	}
}

func (b *backlog) end() { b.segments[len(b.segments)-1].ends++ }

// advance removes n bytes from the front and returns how many messages end
// there.
func (b *backlog) advance(n int) (messages int) {
	b.bytes -= n
	done := 0
	for i := range b.segments {
		s := &b.segments[i]
		part := min(n, len(s.data))
		s.data = s.data[part:]
		n -= part
		if len(s.data) > 0 {
			break
		}
		messages += int(s.ends)
		b.release(s)
		done++
	}
	b.discard(done)
	return messages
}

// release gives back what a segment holds.
func (b *backlog) release(s *segment) {
	b.held -= s.held
	if s.from != nil && s.from.release() && s.copied {
		b.held -= allocated(chunkBytes)
	}
}

// discard removes the first segments from the table. An empty queue keeps a
// small table and nothing else.
func (b *backlog) discard(count int) {
	rest := copy(b.segments, b.segments[count:])
	clear(b.segments[rest:])
	b.segments = b.segments[:rest]
	switch large := cap(b.segments) > maxBuffers; {
	case large && rest == 0:
		b.resize(0)
	case large && rest < cap(b.segments)/4:
		b.resize(max(cap(b.segments)/2, maxBuffers))
	}
	if rest == 0 && b.open != nil {
		b.shutChunk()
	}
}

// drop empties the queue.
func (b *backlog) drop() {
	for i := range b.segments {
		b.release(&b.segments[i])
	}
	b.discard(len(b.segments))
	b.bytes = 0
}
