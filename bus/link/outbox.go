package link

import (
	"context"
	"errors"
	"sync"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// The ways in which a link refuses a message.
var (
	ErrFull   = errors.New("link: outbound queue is full")
	ErrClosed = errors.New("link: closed")
)

// outbox is the bounded outbound queue of a link.
//
// Invariant: messages is the sum of the ends of all segments. What the bound
// in bytes is held against is the memory of the backlog, which counts until
// it has left the process, and is worked out before any of it is taken.
//
// Invariant: while anything is queued, writing tells that somebody is bound
// to write it: the sender who was told so, or the writer.
type outbox struct {
	t      *transport
	limits Limits

	mu       sync.Mutex
	backlog  backlog
	messages int
	writing  bool
	closed   bool
	failed   error         // the first write error
	room     chan struct{} // closed when room appears; nil if nobody waits

	buffers [][]byte // belongs to the goroutine that writes
	writers sync.WaitGroup
	sent    uint64 // messages ever accepted
	volume  uint64 // bytes of them
}

// admit makes room for a message that is f, or refuses it. reserve widens the
// limits for messages that must not be lost to a full queue, such as replies;
// it is a factor of at least 1.
func (o *outbox) admit(f *freight, reserve int) error {
	if o.closed {
		return ErrClosed
	}
	// A single message larger than the byte limit may still pass when the
	// queue is empty: its size was limited where it came from.
	if o.messages >= o.limits.QueueMessages*reserve ||
		o.messages > 0 && o.backlog.held+o.backlog.price(f) > o.limits.QueueBytes*reserve {
		return ErrFull
	}
	o.backlog.reserve(f)
	o.messages++
	o.sent++
	o.volume += uint64(f.size)
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

// send queues a message. mine tells that the caller has to call flush.
func (o *outbox) send(head, body []byte, attached [][]byte, reserve int) (mine bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sendLocked(head, body, attached, reserve)
}

func (o *outbox) sendLocked(head, body []byte, attached [][]byte, reserve int) (mine bool, err error) {
	var f freight
	f.frame(head)
	f.frame(body)
	largest := max(len(head), len(body))
	for _, frame := range attached {
		f.frame(frame)
		largest = max(largest, len(frame))
	}
	if err := o.limits.check(largest, f.size, 2+len(attached)); err != nil {
		return false, err
	}
	if err := o.admit(&f, reserve); err != nil {
		return false, err
	}
	o.backlog.frame(head, zmtp.More)
	o.backlog.frame(body, moreIf(len(attached) > 0))
	for i, frame := range attached {
		o.backlog.frame(frame, moreIf(i < len(attached)-1))
	}
	o.backlog.end()
	return o.claim(), nil
}

func moreIf(more bool) byte {
	if more {
		return zmtp.More
	}
	return 0
}

// forward queues head and the frames of m but its first. What m holds in
// blocks is shared, not copied.
func (o *outbox) forward(head []byte, m *Message, reserve int) (mine bool, err error) {
	var f freight
	f.frame(head)
	f.message(m)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.admit(&f, reserve); err != nil {
		return false, err
	}
	o.backlog.frame(head, moreIf(m.count > 1))
	o.backlog.message(m)
	o.backlog.end()
	return o.claim(), nil
}

// command queues a ZMTP command.
func (o *outbox) command(body []byte) (mine bool, err error) {
	var f freight
	f.frame(body)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.admit(&f, 1); err != nil {
		return false, err
	}
	o.backlog.frame(body, zmtp.Command)
	o.backlog.end()
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
	if o.writing {
		o.backlog = backlog{} // somebody may still be writing from it
	}
	o.backlog.drop()
	o.messages = 0
	return o.failed
}

func (o *outbox) depth() (messages, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.messages, o.backlog.bytes
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
