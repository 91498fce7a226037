package bus

import (
	"context"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

// Bounds of one subscription's queue in this process.
const (
	subscriptionMessages = 16384
	subscriptionBytes    = 128 << 20
)

// Event is one published event.
type Event struct {
	Topic    string
	From     string // instance of the publisher
	Gap      uint64 // events that this subscription lost just before this one
	body     []byte
	attached [][]byte
}

func (e *Event) size() int {
	n := len(e.body)
	for _, frame := range e.attached {
		n += len(frame)
	}
	return n
}

// Subscription is a bounded queue of events. One goroutine at a time may take
// events from it, and one may wait.
type Subscription struct {
	id   uint64
	conn *Conn

	mu     sync.Mutex
	queue  []Event
	bytes  int
	gap    uint64
	closed bool
	wake   chan struct{} // capacity 1
}

// Subscribe asks for the events of all topics that begin with one of the
// prefixes. Events arrive in the order of their publication. The subscription
// is in force when Subscribe returns: what is published by whoever learns of
// that is heard.
func (c *Conn) Subscribe(ctx context.Context, prefixes ...string) (*Subscription, error) {
	sub := &Subscription{conn: c, wake: make(chan struct{}, 1)}
	c.mu.Lock()
	c.nextID++
	sub.id = c.nextID
	c.subs[sub.id] = sub
	c.mu.Unlock()
	_, err := c.exchange(ctx, &codec.Header{Kind: codec.Subscribe, ID: sub.id}, &codec.Prefixes{Topics: prefixes})
	if err != nil {
		c.forget(sub)
		return nil, err
	}
	return sub, nil
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.conn.forget(s)
	msg, err := encode(&codec.Header{Kind: codec.Unsubscribe, ID: s.id}, &None{})
	if err == nil {
		// A full queue means that the link is stalled; events for a
		// subscription nobody holds are dropped on arrival.
		_ = s.conn.link.Send(msg)
	}
	s.end()
}

// Next returns the next event. It fails with ctx's error, or with ErrClosed
// when the connection has ended and the queue is empty.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		if ev, ok, closed := s.pop(); ok {
			return ev, nil
		} else if closed {
			return Event{}, ErrClosed
		}
		if err := s.wait(ctx); err != nil {
			return Event{}, err
		}
	}
}

// TryNext returns the next event if there is one now. After the reply to a
// call it sees every event that the one who replied had published before.
func (s *Subscription) TryNext() (Event, bool) {
	ev, ok, _ := s.pop()
	return ev, ok
}

// Wait returns when there may be an event, without taking it. It fails as
// Next does.
func (s *Subscription) Wait(ctx context.Context) error {
	s.mu.Lock()
	queued, closed := len(s.queue), s.closed
	s.mu.Unlock()
	switch {
	case queued > 0:
		return nil
	case closed:
		return ErrClosed
	}
	return s.wait(ctx)
}

func (s *Subscription) wait(ctx context.Context) error {
	select {
	case <-s.wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Subscription) pop() (ev Event, ok, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return Event{}, false, s.closed
	}
	ev = s.queue[0]
	s.queue[0] = Event{}
	s.queue = s.queue[1:]
	s.bytes -= ev.size()
	return ev, true, false
}

func (s *Subscription) push(ev Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := ev.size()
	if len(s.queue) >= subscriptionMessages || len(s.queue) > 0 && s.bytes+size > subscriptionBytes {
		s.gap += 1 + ev.Gap
		return
	}
	ev.Gap += s.gap
	s.gap = 0
	s.queue = append(s.queue, ev)
	s.bytes += size
	s.signal()
}

func (s *Subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.signal()
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
