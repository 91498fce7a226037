package broker

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// Bounds on what one link may subscribe to.
const (
	maxSubscriptions = 64
	maxPrefixes      = 64
	maxName          = 256
)

// subscription is one link's wish to hear some topics.
type subscription struct {
	port     *port
	id       uint64
	prefixes []string
	gap      atomic.Uint64 // events lost since the last one that was sent
}

func (s *subscription) wants(topic string) bool {
	for _, prefix := range s.prefixes {
		if strings.HasPrefix(topic, prefix) {
			return true
		}
	}
	return false
}

func (p *port) subscribe(h codec.Header, body []byte) error {
	var want codec.Prefixes
	if err := codec.Unmarshal(body, &want); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if len(want.Topics) > maxPrefixes {
		return fmt.Errorf("subscription to %d prefixes", len(want.Topics))
	}
	for _, prefix := range want.Topics {
		if !allows(p.rights.Hear, p.id.Instance, prefix) {
			p.deny("hear", prefix)
			p.answer(h.ID, prefix, bus.KindDenied, fmt.Sprintf("role %s may not hear it", p.id.Role))
			return nil
		}
	}
	if err := p.broker.subscribe(&subscription{port: p, id: h.ID, prefixes: want.Topics}); err != nil {
		return err
	}
	head, err := codec.EncodeHeader(&codec.Header{Kind: codec.Reply, ID: h.ID})
	if err != nil {
		return err
	}
	p.deliver(link.Message{head, emptyBody})
	return nil
}

// subscribe copies the list, so that publishers read it without a lock held.
func (b *Broker) subscribe(s *subscription) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	mine := 0
	for _, other := range b.subs {
		if other.port == s.port {
			mine++
		}
	}
	if mine >= maxSubscriptions {
		return fmt.Errorf("more than %d subscriptions", maxSubscriptions)
	}
	b.subs = append(slices.Clone(b.subs), s)
	return nil
}

func (b *Broker) unsubscribe(p *port, id uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = slices.DeleteFunc(slices.Clone(b.subs), func(s *subscription) bool {
		return s.port == p && s.id == id
	})
}

func (p *port) publish(h codec.Header, msg link.Message) {
	if !allows(p.rights.Publish, p.id.Instance, h.To) {
		p.deny("publish", h.To)
		return
	}
	p.broker.publish(h.To, p.id.Instance, h.Trace, msg[1:])
}

// publish sends an event to everybody who wants it, and counts it as lost for
// those whose queue is full.
func (b *Broker) publish(topic, from string, trace uint64, rest link.Message) {
	b.mu.RLock()
	subs := b.subs
	b.mu.RUnlock()
	for _, s := range subs {
		if !s.wants(topic) {
			continue
		}
		gap := s.gap.Swap(0) // whoever takes the count tells of it: links publish concurrently
		head, err := codec.EncodeHeader(&codec.Header{
			Kind: codec.Event, ID: s.id, To: topic, From: from, Trace: trace, Gap: gap,
		})
		if err != nil {
			b.cfg.Logger.Error(fmt.Sprintf("bus: event on %s: %v", topic, err))
			return
		}
		if s.port.link.Send(append(link.Message{head}, rest...)) != nil {
			s.gap.Add(gap + 1)
			s.port.drops.Add(1)
		}
	}
}
