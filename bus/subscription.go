package bus

import (
	"context"
	"fmt"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

// Bounds of one subscription's queue in this process.
const (
	subscriptionMessages = 16384
	subscriptionBytes    = 128 << 20
)

// Restored is the topic of the event that each subscription of a Conn made by
// NewDialing gets when it is in force again after the link was lost. Its Gap
// is 1: nobody knows how many events there were.
const Restored = "bus.restored"

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
	conn     *Conn
	prefixes []string

	mu      sync.Mutex
	session *session // on which it is in force
	id      uint64   // there
	queue   []Event
	bytes   int
	gap     uint64
	closed  bool
	waiting bool          // somebody waits for wake
	wake    chan struct{} // capacity 1

	// Of the goroutine that takes events.
	taken []Event // taken from queue at once
	next  int     // index in taken
}

// Subscribe asks for the events of all topics that begin with one of the
// prefixes. Events arrive in the order of their publication. The subscription
// is in force when Subscribe returns: what is published by whoever learns of
// that is heard.
func (c *Conn) Subscribe(ctx context.Context, prefixes ...string) (*Subscription, error) {
	for _, prefix := range prefixes {
		if err := checkName(prefix); err != nil {
			return nil, &Error{Kind: KindBadMessage, Text: err.Error()}
		}
	}
	session, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	sub := &Subscription{conn: c, prefixes: prefixes, wake: make(chan struct{}, 1)}
	c.mu.Lock()
	c.subs[sub] = struct{}{}
	c.mu.Unlock()
	if err := session.subscribe(ctx, sub); err != nil {
		c.forget(sub)
		return nil, err
	}
	return sub, nil
}

func (c *Conn) forget(s *Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.subs, s)
}

// subscribe makes the session bring sub its events, under the id of the
// exchange.
func (s *session) subscribe(ctx context.Context, sub *Subscription) error {
	var id uint64
	_, err := s.exchange(ctx, &codec.Header{Kind: codec.Subscribe}, &codec.Prefixes{Topics: sub.prefixes}, func(given uint64) {
		id = given
		s.heard.Lock()
		s.subs[id] = sub
		s.heard.Unlock()
		sub.mu.Lock()
		sub.session, sub.id = s, id
		sub.mu.Unlock()
	})
	if err != nil {
		s.ignore(id)
	} else if sub.isClosed() {
		s.withdraw(id) // it was closed meanwhile
	}
	return err
}

func (s *Subscription) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// withdraw tells the broker that nobody hears a subscription any more.
func (s *session) withdraw(id uint64) {
	s.ignore(id)
	s.control(&codec.Header{Kind: codec.Unsubscribe, ID: id})
}

// ignore drops the events of a subscription from now on.
func (s *session) ignore(id uint64) {
	s.heard.Lock()
	defer s.heard.Unlock()
	delete(s.subs, id)
}

// restore subscribes again on a new link. It runs in the reader's goroutine,
// which must not wait: a refusal ends the subscription.
func (s *session) restore(sub *Subscription) {
	s.handlers.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, DefaultDeadline)
		defer cancel()
		if err := s.subscribe(ctx, sub); err != nil {
			if s.ctx.Err() == nil {
				s.conn.cfg.Logger.Warn(fmt.Sprintf("bus: subscription to %v was not restored: %v", sub.prefixes, err))
			}
			return
		}
		sub.push(Event{Topic: Restored, Gap: 1})
	})
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.conn.forget(s)
	s.mu.Lock()
	session, id := s.session, s.id
	s.mu.Unlock()
	s.end() // before, for one that is being restored
	session.withdraw(id)
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
	if s.next < len(s.taken) {
		return nil
	}
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
	if !s.toWait() {
		return nil
	}
	select {
	case <-s.wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// toWait announces that somebody is about to wait. It reports false if there
// is no reason to.
func (s *Subscription) toWait() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = len(s.queue) == 0 && !s.closed
	return s.waiting
}

// pop returns the next event. All that is queued is taken at once, and the
// two slices change places, so that a flood takes few locks and no memory.
func (s *Subscription) pop() (ev Event, ok, closed bool) {
	if s.next == len(s.taken) {
		if closed := s.take(); len(s.taken) == 0 {
			return Event{}, false, closed
		}
	}
	ev = s.taken[s.next]
	s.taken[s.next] = Event{}
	s.next++
	return ev, true, false
}

func (s *Subscription) take() (closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken, s.queue = s.queue, s.taken[:0]
	s.next, s.bytes = 0, 0
	return s.closed
}

func (s *Subscription) push(ev Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
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
	if !s.waiting {
		return
	}
	s.waiting = false
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
