package events

import (
	"context"
	"sync"
	"sync/atomic"
)

// Bounds of a queue. What the reader of the link has not handed over yet is
// within them.
const (
	maxEvents = 16384
	maxBytes  = 128 << 20
)

// promptEvents is how many events a reader that keeps up has waiting. Those
// beyond may wait for long.
const promptEvents = 256

// Queue is a bounded queue of events. One goroutine at a time may take
// events from it, and one may wait.
type Queue struct {
	mu      sync.Mutex
	queue   []Batch
	events  int // in queue
	bytes   int // of them
	gap     uint64
	closed  bool
	waiting bool          // somebody waits for wake
	wake    chan struct{} // capacity 1

	// Of the goroutine that takes events.
	taken []Batch // taken from queue at once
	next  int     // index in taken

	left atomic.Bool // taken has events; becomes true only under mu
}

// New returns an empty queue.
func New() *Queue { return &Queue{wake: make(chan struct{}, 1)} }

// Push adds events. Those that find no room count as lost.
func (q *Queue) Push(b Batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		b.release()
		return
	}
	room := maxBytes - slabBytes - q.bytes
	if q.events == 0 {
		room = max(room, b.size) // one event may be larger than the bound
	}
	lost := uint64(b.truncate(maxEvents-maxBatch-q.events, room))
	if b.count == 0 {
		b.release()
		q.gap += b.gap + lost
		return
	}
	if q.events > promptEvents {
		b.moveOut()
	}
	b.gap += q.gap
	q.gap = lost
	q.queue = append(q.queue, b)
	q.events += b.count
	q.bytes += b.size
	q.signal()
}

// Pop returns the next event, to keep. Without one, closed tells whether none
// will come any more.
func (q *Queue) Pop() (ev Event, ok, closed bool) {
	b, closed := q.front()
	if b == nil {
		return Event{}, false, closed
	}
	b.keep()
	ev, _ = q.shift(b)
	return ev, true, false
}

// Lend calls fn with the next event, whose memory is used again afterwards.
func (q *Queue) Lend(fn func(Event) error) (ok, closed bool, err error) {
	b, closed := q.front()
	if b == nil {
		return false, closed, nil
	}
	ev, done := q.shift(b)
	err = fn(ev)
	if done != nil {
		done.Release()
	}
	return true, false, err
}

// shift takes the first event out of the batch in front. With its last event
// the batch goes: then done is the slab that it held, if it did.
func (q *Queue) shift(b *Batch) (ev Event, done *Slab) {
	ev = b.shift()
	if b.count == 0 {
		done = b.slab
		*b = Batch{}
		if q.next++; q.next == len(q.taken) {
			q.left.Store(false)
		}
	}
	return ev, done
}

// front returns the batch that has the next event. All that is queued is
// taken at once, and the two slices change places, so that a flood takes few
// locks and no memory.
func (q *Queue) front() (b *Batch, closed bool) {
	if q.next == len(q.taken) {
		if closed := q.take(); len(q.taken) == 0 {
			return nil, closed
		}
	}
	return &q.taken[q.next], false
}

func (q *Queue) take() (closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken, q.queue = q.queue, q.taken[:0]
	q.next, q.events, q.bytes = 0, 0, 0
	q.left.Store(len(q.taken) > 0)
	return q.closed
}

// Await returns when there may be an event, or none will come any more. It
// fails with the cause of ctx.
func (q *Queue) Await(ctx context.Context) error {
	if !q.toWait() {
		return nil
	}
	select {
	case <-q.wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// toWait announces that somebody is about to wait. It reports false if there
// is no reason to.
func (q *Queue) toWait() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = len(q.queue) == 0 && !q.left.Load() && !q.closed
	return q.waiting
}

// State tells without taking anything whether there is an event, and whether
// no more will come.
func (q *Queue) State() (some, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.left.Load() || len(q.queue) > 0, q.closed
}

// Closed reports whether the queue takes no more events in.
func (q *Queue) Closed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// End takes no more events in. Those that are queued can still be taken.
func (q *Queue) End() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

func (q *Queue) signal() {
	if !q.waiting {
		return
	}
	q.waiting = false
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
