package bus

import (
	"context"
	"sync"
	"sync/atomic"
)

// Bounds of one subscription's queue in this process. What the reader has not
// handed over yet is within them.
const (
	subscriptionMessages = 16384
	subscriptionBytes    = 128 << 20
)

// promptEvents is how many events a reader that keeps up has waiting. Those
// beyond may wait for long.
const promptEvents = 256

// eventQueue is a bounded queue of events. One goroutine at a time may take
// events from it, and one may wait.
type eventQueue struct {
	mu      sync.Mutex
	queue   []bundle
	events  int // in queue
	bytes   int // of them
	gap     uint64
	closed  bool
	waiting bool          // somebody waits for wake
	wake    chan struct{} // capacity 1

	// Of the goroutine that takes events.
	taken []bundle // taken from queue at once
	next  int      // index in taken

	left atomic.Bool // taken has events; becomes true only under mu
}

// push adds events. Those that find no room count as lost.
func (q *eventQueue) push(b bundle) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		b.release()
		return
	}
	room := subscriptionBytes - slabBytes - q.bytes
	if q.events == 0 {
		room = max(room, b.size) // one event may be larger than the bound
	}
	lost := uint64(b.truncate(subscriptionMessages-maxBundle-q.events, room))
	if b.count == 0 {
		b.release()
		q.gap += b.gap + lost
		return
	}
	if q.events > promptEvents {
		b.part()
	}
	b.gap += q.gap
	q.gap = lost
	q.queue = append(q.queue, b)
	q.events += b.count
	q.bytes += b.size
	q.signal()
}

// pop returns the next event, to keep.
func (q *eventQueue) pop() (ev Event, ok, closed bool) {
	b, closed := q.front()
	if b == nil {
		return Event{}, false, closed
	}
	b.keep()
	ev, _ = q.shift(b)
	return ev, true, false
}

// lend calls fn with the next event, whose memory is used again afterwards.
func (q *eventQueue) lend(fn func(Event) error) (ok, closed bool, err error) {
	b, closed := q.front()
	if b == nil {
		return false, closed, nil
	}
	ev, done := q.shift(b)
	err = fn(ev)
	if done != nil {
		done.release()
	}
	return true, false, err
}

// shift takes the first event out of the bundle in front. With its last event
// the bundle goes: then done is the slab that it held, if it did.
func (q *eventQueue) shift(b *bundle) (ev Event, done *slab) {
	ev = b.shift()
	if b.count == 0 {
		done = b.slab
		*b = bundle{}
		if q.next++; q.next == len(q.taken) {
			q.left.Store(false)
		}
	}
	return ev, done
}

// front returns the bundle that has the next event. All that is queued is
// taken at once, and the two slices change places, so that a flood takes few
// locks and no memory.
func (q *eventQueue) front() (b *bundle, closed bool) {
	if q.next == len(q.taken) {
		if closed := q.take(); len(q.taken) == 0 {
			return nil, closed
		}
	}
	return &q.taken[q.next], false
}

func (q *eventQueue) take() (closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken, q.queue = q.queue, q.taken[:0]
	q.next, q.events, q.bytes = 0, 0, 0
	q.left.Store(len(q.taken) > 0)
	return q.closed
}

// await returns when there may be an event.
func (q *eventQueue) await(ctx context.Context) error {
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
func (q *eventQueue) toWait() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = len(q.queue) == 0 && !q.left.Load() && !q.closed
	return q.waiting
}

// state tells without taking anything whether there is an event, and whether
// no more will come.
func (q *eventQueue) state() (some, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.left.Load() || len(q.queue) > 0, q.closed
}

func (q *eventQueue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// end takes no more events in. Those that are queued can still be taken.
func (q *eventQueue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

func (q *eventQueue) signal() {
	if !q.waiting {
		return
	}
	q.waiting = false
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
