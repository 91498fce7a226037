package link

import (
	"context"
	"errors"
	"sync"
)

// The ways in which a link refuses a message.
var (
	ErrFull   = errors.New("link: outbound queue is full")
	ErrClosed = errors.New("link: closed")
)

// segment is a run of wire bytes that are still to be written.
type segment struct {
	data  []byte
	from  *block // memory to release, nil for a sender's own frame
	chunk bool   // from has room behind data for more
	ends  int    // messages that end here
}

// outbox is the bounded outbound queue of a link.
//
// Invariant: bytes is the sum of the lengths of all segments, messages that
// of their ends: memory counts until it has left the process.
//
// Invariant: while anything is queued, writing tells that somebody is bound
// to write it: the sender who was told so, or the writer.
type outbox struct {
	t      *transport
	limits Limits

	mu       sync.Mutex
	segments []segment
	bytes    int
	messages int
	writing  bool
	closed   bool
	failed   error         // the first write error
	room     chan struct{} // closed when room appears; nil if nobody waits

	buffers [][]byte // belongs to whoever writes
	writers sync.WaitGroup
	sent    uint64 // messages ever accepted
	volume  uint64 // bytes of them
}

// admit checks that a message of the given wire size may be queued. reserve
// widens the limits for messages that must not be lost to a full queue, such
// as replies; it is a factor of at least 1.
func (o *outbox) admit(size, reserve int) error {
	if o.closed {
		return ErrClosed
	}
	// A single message larger than the byte limit may still pass when the
	// queue is empty: its size was limited where it came from.
	if o.messages >= o.limits.QueueMessages*reserve ||
		o.messages > 0 && o.bytes+size > o.limits.QueueBytes*reserve {
		return ErrFull
	}
	o.messages++
	o.sent++
	o.volume += uint64(size)
	return nil
}

// claim tells the caller whether it has to see to the writing.
func (o *outbox) claim() bool {
	if o.writing {
		return false
	}
	o.writing = true
	return true
}

// space returns the open chunk with room for at least one more byte.
func (o *outbox) space() *segment {
	if n := len(o.segments); n > 0 {
		last := &o.segments[n-1]
		if last.chunk && len(last.data) < cap(last.data) {
			return last
		}
	}
	b := newBlock(&chunkPool)
	o.segments = append(o.segments, segment{data: b.mem[:0], from: b, chunk: true})
	return &o.segments[len(o.segments)-1]
}

// add copies wire bytes into chunks.
func (o *outbox) add(p []byte) {
	o.bytes += len(p)
	for len(p) > 0 {
		s := o.space()
		n := min(len(p), cap(s.data)-len(s.data))
		s.data = append(s.data, p[:n]...)
		p = p[n:]
	}
}

// refer queues memory without copying it.
func (o *outbox) refer(p []byte, from *block) {
	o.bytes += len(p)
	o.segments = append(o.segments, segment{data: p, from: from})
}

// frame queues one frame, a large one by reference.
func (o *outbox) frame(content []byte, flags byte) {
	var head [longFrameHead]byte
	o.add(head[:putFrameHead(head[:], flags, len(content))])
	if len(content) >= largeFrame {
		o.refer(content, nil)
		return
	}
	o.add(content)
}

func (o *outbox) end() { o.segments[len(o.segments)-1].ends++ }

// send queues a message. mine tells that the caller has to call flush.
func (o *outbox) send(head, body []byte, attached [][]byte, reserve int) (mine bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sendLocked(head, body, attached, reserve)
}

func (o *outbox) sendLocked(head, body []byte, attached [][]byte, reserve int) (mine bool, err error) {
	size := wireSize(len(head)) + wireSize(len(body))
	largest := max(len(head), len(body))
	for _, frame := range attached {
		size += wireSize(len(frame))
		largest = max(largest, len(frame))
	}
	if err := o.limits.check(largest, size, 2+len(attached)); err != nil {
		return false, err
	}
	if err := o.admit(size, reserve); err != nil {
		return false, err
	}
	o.frame(head, flagMore)
	o.frame(body, moreIf(len(attached) > 0))
	for i, frame := range attached {
		o.frame(frame, moreIf(i < len(attached)-1))
	}
	o.end()
	return o.claim(), nil
}

func moreIf(more bool) byte {
	if more {
		return flagMore
	}
	return 0
}

// forward queues head and the frames of m but its first. What m holds in
// blocks is shared, not copied.
func (o *outbox) forward(head []byte, m *Message, reserve int) (mine bool, err error) {
	size := wireSize(len(head)) + len(m.rest)
	for i := range m.blocks {
		size += len(m.used(i))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.admit(size, reserve); err != nil {
		return false, err
	}
	o.frame(head, moreIf(m.count > 1))
	o.add(m.rest)
	for i, b := range m.blocks {
		b.hold()
		o.refer(m.used(i), b)
	}
	o.end()
	return o.claim(), nil
}

// command queues a ZMTP command.
func (o *outbox) command(body []byte) (mine bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.admit(wireSize(len(body)), 1); err != nil {
		return false, err
	}
	o.frame(body, flagCommand)
	o.end()
	return o.claim(), nil
}

// sendWait is send that waits for room until ctx ends.
func (o *outbox) sendWait(ctx context.Context, head, body []byte, attached [][]byte) (mine bool, err error) {
	for {
		o.mu.Lock()
		mine, err := o.sendLocked(head, body, attached, 1)
		if err != ErrFull {
			o.mu.Unlock()
			return mine, err
		}
		if err := o.waitUnlock(ctx); err != nil {
			return false, err
		}
	}
}

// waitUnlock gives up the lock and returns when there is more room than
// before, or ctx ends.
func (o *outbox) waitUnlock(ctx context.Context) error {
	if o.room == nil {
		o.room = make(chan struct{})
	}
	room := o.room
	o.mu.Unlock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close refuses everything from now on. What is queued is dropped by shut,
// once nobody writes any more.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

// shut joins the writer and gives the memory back. The connection has been
// closed before.
func (o *outbox) shut() error {
	o.close()
	o.writers.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.segments {
		if s.from != nil && !o.writing {
			s.from.release()
		}
	}
	o.segments, o.bytes, o.messages = nil, 0, 0
	return o.failed
}

func (o *outbox) depth() (messages, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.messages, o.bytes
}

// drain waits until everything that was queued has been written.
func (o *outbox) drain(ctx context.Context) error {
	for {
		o.mu.Lock()
		if o.messages == 0 || o.closed {
			defer o.mu.Unlock()
			if o.messages == 0 {
				return nil
			}
			return ErrClosed
		}
		if err := o.waitUnlock(ctx); err != nil {
			return err
		}
	}
}

// totals counts the messages that were ever accepted, and their bytes.
func (o *outbox) totals() (messages, bytes uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent, o.volume
}
