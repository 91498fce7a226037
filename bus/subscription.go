package bus

import (
	"context"
	"fmt"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/internal/events"
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

// given returns an event of the queue as the subscriber gets it: its
// content is taken out by the topic that knows its type.
func given(ev events.Event) Event {
	return Event{Topic: ev.Topic, From: ev.From, Gap: ev.Gap, body: ev.Body, attached: ev.Attached}
}

// Subscription is a bounded queue of events. One goroutine at a time may take
// events from it, and one may wait.
type Subscription struct {
	conn     *Conn
	prefixes []string

	events *events.Queue

	mu     sync.Mutex
	uplink *uplink // on which it is in force
	id     uint64  // there
}

// Subscribe asks for the events of all topics that begin with one of the
// prefixes. Events arrive in the order of their publication. The subscription
// is in force when Subscribe returns: an event that is published because of
// that is heard.
func (c *Conn) Subscribe(ctx context.Context, prefixes ...string) (*Subscription, error) {
	for _, prefix := range prefixes {
		if err := checkName(prefix); err != nil {
			return nil, &Error{Kind: KindBadMessage, Text: err.Error()}
		}
	}
	uplink, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	sub := &Subscription{conn: c, prefixes: prefixes, events: events.New()}
	c.mu.Lock()
	c.subs[sub] = struct{}{}
	c.mu.Unlock()
	if err := uplink.subscribe(ctx, sub); err != nil {
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

// subscribe makes the uplink bring sub its events, under the id of the
// exchange.
func (s *uplink) subscribe(ctx context.Context, sub *Subscription) error {
	var id uint64
	_, err := s.exchange(ctx, &codec.Header{Kind: codec.Subscribe}, &codec.Prefixes{Topics: sub.prefixes}, func(given uint64) {
		id = given
		s.heard.Lock()
		s.subs[id] = sub
		s.heard.Unlock()
		sub.mu.Lock()
		sub.uplink, sub.id = s, id
		sub.mu.Unlock()
	})
	if err != nil {
		s.ignore(id)
	} else if sub.events.Closed() {
		s.withdraw(id) // it was closed meanwhile
	}
	return err
}

// withdraw tells the broker that nobody hears a subscription any more.
func (s *uplink) withdraw(id uint64) {
	s.ignore(id)
	s.control(&codec.Header{Kind: codec.Unsubscribe, ID: id})
}

// ignore drops the events of a subscription from now on.
func (s *uplink) ignore(id uint64) {
	s.heard.Lock()
	defer s.heard.Unlock()
	delete(s.subs, id)
}

// restore subscribes again on a new link. It runs in the reader's goroutine,
// which must not wait: a refusal ends the subscription.
func (s *uplink) restore(sub *Subscription) {
	s.handlers.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, DefaultDeadline)
		defer cancel()
		if err := s.subscribe(ctx, sub); err != nil {
			if s.ctx.Err() == nil {
				s.conn.cfg.Logger.Warn(fmt.Sprintf("bus: subscription to %v was not restored: %v", sub.prefixes, err))
				sub.events.End()
			}
			return
		}
		restored := events.NewBatch(Restored, "", 1)
		restored.Set(nil, nil)
		sub.events.Push(restored)
	})
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.conn.forget(s)
	s.mu.Lock()
	uplink, id := s.uplink, s.id
	s.mu.Unlock()
	s.events.End() // before, for one that is being restored
	uplink.withdraw(id)
}

// Next returns the next event. It fails with ctx's error, or with ErrClosed
// when the connection has ended and the queue is empty.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		if ev, ok, closed := s.events.Pop(); ok {
			return given(ev), nil
		} else if closed {
			return Event{}, ErrClosed
		}
		if err := s.events.Await(ctx); err != nil {
			return Event{}, err
		}
	}
}

// Each calls fn with one event after the other until fn fails, and returns
// its error, or fails as Next does; also while there are events when ctx ends.
// It is for a flood of small events: their memory is used again, so an event
// may be decoded only until fn returns. What Decode returned may be kept. fn
// must not take events from the subscription.
func (s *Subscription) Each(ctx context.Context, fn func(Event) error) error {
	lent := func(ev events.Event) error { return fn(given(ev)) }
	for {
		ok, closed, err := s.events.Lend(lent)
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case ok:
			continue
		case closed:
			return ErrClosed
		}
		if err := s.events.Await(ctx); err != nil {
			return err
		}
	}
}

// TryNext returns the next event if there is one now. After the reply to a
// call it sees every event that the one who replied had published before.
func (s *Subscription) TryNext() (Event, bool) {
	ev, ok, _ := s.events.Pop()
	return given(ev), ok
}

// Wait returns when there may be an event, without taking it. It fails as
// Next does.
func (s *Subscription) Wait(ctx context.Context) error {
	switch some, closed := s.events.State(); {
	case some:
		return nil
	case closed:
		return ErrClosed
	}
	return s.events.Await(ctx)
}
