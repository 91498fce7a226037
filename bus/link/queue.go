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

// outbound is one thing to write: a message, or a command frame.
type outbound struct {
	msg     Message
	command []byte
}

func (o outbound) size() int { return o.msg.size() + len(o.command) }

// queue is the bounded outbound queue of a link.
//
// Invariant: bytes is the sum of the sizes of items plus inWrite, so memory
// counts until it has left the process.
type queue struct {
	mu       sync.Mutex
	items    []outbound
	bytes    int
	inWrite  int
	messages int // len(items) plus those being written
	closed   bool
	wake     chan struct{} // capacity 1: there is something to write
	room     chan struct{} // closed and replaced whenever room appears
	limits   Limits
}

func newQueue(limits Limits) *queue {
	return &queue{wake: make(chan struct{}, 1), room: make(chan struct{}), limits: limits}
}

// put appends o. reserve widens the limits for messages that must not be
// lost to a full queue, such as replies; it is a factor of at least 1.
func (q *queue) put(o outbound, reserve int) error {
	size := o.size()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	// A single message larger than the byte limit may still pass when the
	// queue is empty: its size was limited where it came from.
	if q.messages >= q.limits.QueueMessages*reserve ||
		q.messages > 0 && q.bytes+size > q.limits.QueueBytes*reserve {
		return ErrFull
	}
	q.items = append(q.items, o)
	q.messages++
	q.bytes += size
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// putWait is put that waits for room until ctx ends.
func (q *queue) putWait(ctx context.Context, o outbound) error {
	for {
		q.mu.Lock()
		room := q.room
		q.mu.Unlock()
		err := q.put(o, 1)
		if !errors.Is(err, ErrFull) {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// take moves everything that is queued into spare, which the caller reuses.
func (q *queue) take(spare []outbound) []outbound {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.items
	clear(spare)
	q.items = spare[:0]
	q.inWrite = q.bytes
	return batch
}

// written tells that a batch that was taken has left.
func (q *queue) written(batch []outbound) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages -= len(batch)
	q.bytes -= q.inWrite
	q.inWrite = 0
	close(q.room)
	q.room = make(chan struct{})
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.room)
		q.room = make(chan struct{})
	}
}

func (q *queue) depth() (messages, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.messages, q.bytes
}

// drain waits until everything that was put has been written.
func (q *queue) drain(ctx context.Context) error {
	for {
		q.mu.Lock()
		room, empty, closed := q.room, q.messages == 0, q.closed
		q.mu.Unlock()
		if empty {
			return nil
		}
		if closed {
			return ErrClosed
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
