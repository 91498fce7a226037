package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// The publisher has at most window events on their way to the slowest
// subscriber, who acknowledges every ackEvery-th.
const (
	window   = 8192
	ackEvery = 1024
)

// Sorts of events, in the byte after the sequence number.
const (
	eventProbe byte = iota + 1 // heard by those who have subscribed; acknowledged at once
	eventData                  // counted, acknowledged now and then
	eventLast                  // counted, acknowledged at once
	eventFlood                 // counted, never acknowledged
)

// notice is an event: a sequence number in big endian, its sort and filling.
func putNotice(body []byte, seq uint64, sort byte) {
	binary.BigEndian.PutUint64(body, seq)
	body[8] = sort
}

// ack is what a subscriber has heard, in big endian: its index in 4 bytes and
// the last sequence number in 8.
func newAck(index int, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, uint32(index)), seq)
}

// eventRole is one end of a stream of events.
type eventRole interface {
	topic() string // that it hears
	heard(body []byte) error
	answer(ctx context.Context, c command) (any, error)
}

// heardCount is what a subscriber has heard since it was started.
type heardCount struct {
	Events uint64
	Lost   uint64
	Acked  time.Time // when it acknowledged last
}

// subscriber counts events.
type subscriber struct {
	spec         spec
	link         events
	last, acked  uint64 // sequence numbers; used by heard only
	events, lost atomic.Uint64
	ackedAt      atomic.Pointer[time.Time]
}

func newSubscriber(s spec, link events) eventRole {
	sub := &subscriber{spec: s, link: link}
	sub.ackedAt.Store(new(time.Time))
	return sub
}

func (s *subscriber) topic() string { return topicEvent }

func (s *subscriber) heard(body []byte) error {
	if len(body) != smallBody && len(body) != s.spec.FloodBytes {
		return fmt.Errorf("an event of %d bytes", len(body))
	}
	seq, sort := binary.BigEndian.Uint64(body), body[8]
	if sort != eventProbe {
		if seq <= s.last {
			return fmt.Errorf("event %d came after event %d", seq, s.last)
		}
		s.lost.Add(seq - s.last - 1)
		s.last = seq
		s.events.Add(1)
	}
	if sort == eventProbe || sort == eventLast || sort == eventData && seq-s.acked >= ackEvery {
		s.acked = seq
		now := time.Now()
		s.ackedAt.Store(&now)
		return s.link.publish(context.Background(), topicAck, newAck(s.spec.Index, seq))
	}
	return nil
}

func (s *subscriber) answer(_ context.Context, c command) (any, error) {
	if c.Do != doCount {
		return nil, fmt.Errorf("a subscriber cannot %s", c.Do)
	}
	return heardCount{Events: s.events.Load(), Lost: s.lost.Load(), Acked: *s.ackedAt.Load()}, nil
}

// published is the outcome of publishing.
type published struct {
	Started time.Time
	Events  uint64
	Total   uint64 // since the publisher was started
}

// publisher publishes events as fast as the acknowledgements allow.
type publisher struct {
	spec spec
	link events
	// Used by answer only: the last event, and the last that all are known to
	// have acknowledged.
	seq, past uint64

	mu    sync.Mutex
	acked map[uint32]uint64 // last acknowledged, by subscriber
	moved chan struct{}     // capacity 1: acked has changed
}

func newPublisher(s spec, link events) eventRole {
	return &publisher{spec: s, link: link, acked: map[uint32]uint64{}, moved: make(chan struct{}, 1)}
}

func (p *publisher) topic() string { return topicAck }

func (p *publisher) heard(body []byte) error {
	if len(body) != 12 {
		return fmt.Errorf("an acknowledgement of %d bytes", len(body))
	}
	p.mu.Lock()
	index := binary.BigEndian.Uint32(body)
	p.acked[index] = max(p.acked[index], binary.BigEndian.Uint64(body[4:]))
	p.mu.Unlock()
	select {
	case p.moved <- struct{}{}:
	default:
	}
	return nil
}

// floor is the last event that all have acknowledged, and how many
// subscribers have been heard of.
func (p *publisher) floor() (seq uint64, subscribers int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seq = p.seq
	for _, acked := range p.acked {
		seq = min(seq, acked)
	}
	return seq, len(p.acked)
}

func (p *publisher) answer(ctx context.Context, c command) (any, error) {
	switch c.Do {
	case doGather:
		return nil, p.gather(ctx)
	case doPublish:
		return p.stream(ctx, c.Duration)
	case doFlood:
		return p.flood(ctx, c.Duration, c.Rate)
	}
	return nil, fmt.Errorf("a publisher cannot %s", c.Do)
}

// gather publishes probes until every subscriber has acknowledged one.
func (p *publisher) gather(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	body := newBody(smallBody)
	putNotice(body, 0, eventProbe)
	for {
		_, subscribers := p.floor()
		if subscribers == p.spec.Listeners {
			return nil
		}
		if err := p.link.publish(ctx, topicEvent, body); err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d subscribers hear the publisher", subscribers, p.spec.Listeners)
		}
	}
}

func (p *publisher) stream(ctx context.Context, d time.Duration) (published, error) {
	ctx, cancel := context.WithTimeout(ctx, d+patience)
	defer cancel()
	start, first := time.Now(), p.seq
	until := start.Add(d)
	for sort := eventData; sort != eventLast; {
		if !time.Now().Before(until) {
			sort = eventLast
		}
		if err := p.room(ctx); err != nil {
			return published{}, err
		}
		p.seq++
		// A body of its own: who publishes one must not change it afterwards.
		body := make([]byte, smallBody)
		putNotice(body, p.seq, sort)
		if err := p.link.publish(ctx, topicEvent, body); err != nil {
			return published{}, err
		}
	}
	p.awaitAcks(ctx)
	return published{Started: start, Events: p.seq - first, Total: p.seq}, nil
}

// room waits until the window has room for one more event.
func (p *publisher) room(ctx context.Context) error {
	for p.seq-p.past >= window {
		if p.past, _ = p.floor(); p.seq-p.past < window {
			return nil
		}
		select {
		case <-p.moved:
		case <-ctx.Done():
			return fmt.Errorf("the slowest subscriber stopped at event %d of %d: %w", p.past, p.seq, ctx.Err())
		}
	}
	return nil
}

// awaitAcks waits until the last event has been acknowledged by all, or ctx ends
// because somebody has lost it.
func (p *publisher) awaitAcks(ctx context.Context) {
	for {
		if floor, _ := p.floor(); floor == p.seq {
			return
		}
		select {
		case <-p.moved:
		case <-ctx.Done():
			return
		}
	}
}
