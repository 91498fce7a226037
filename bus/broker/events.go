package broker

import (
	"fmt"
	"slices"
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

func (p *port) subscribe(h *codec.View, body []byte) error {
	var want codec.Prefixes
	if err := codec.Unmarshal(body, &want); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if len(want.Topics) > maxPrefixes {
		return fmt.Errorf("subscription to %d prefixes", len(want.Topics))
	}
	for _, prefix := range want.Topics {
		if len(prefix) > maxName {
			return fmt.Errorf("topic of %d bytes", len(prefix))
		}
		if !allows(p.rights.Hear, p.id.Instance, prefix) {
			p.deny("hear", prefix)
			p.answer(h.ID, bus.KindDenied, fmt.Sprintf("role %s may not hear %q", p.id.Role, prefix))
			return nil
		}
	}
	if err := p.broker.subscribe(&subscription{port: p, id: h.ID, prefixes: want.Topics}); err != nil {
		return err
	}
	p.tell(&codec.Header{Kind: codec.Reply, ID: h.ID}, emptyBody)
	return nil
}

func (b *Broker) subscribe(s *subscription) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.routes.Load()
	mine := 0
	for _, other := range old.subs {
		if other.port == s.port {
			mine++
		}
	}
	if mine >= maxSubscriptions {
		return fmt.Errorf("more than %d subscriptions", maxSubscriptions)
	}
	b.routes.Store(&directory{offers: old.offers, subs: append(slices.Clone(old.subs), s)})
	return nil
}

func (p *port) unsubscribe(id uint64) {
	b := p.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.routes.Load()
	b.routes.Store(&directory{
		offers: old.offers,
		subs: slices.DeleteFunc(slices.Clone(old.subs), func(s *subscription) bool {
			return s.port == p && s.id == id
		}),
	})
}

func (p *port) publish(h *codec.View, m *link.Message) error {
	if len(h.To) > maxName {
		return fmt.Errorf("topic of %d bytes", len(h.To))
	}
	a := p.audienceOf(h.To)
	if !a.allowed {
		p.deny("publish", a.topic)
		return nil
	}
	out := codec.Header{Kind: codec.Event, To: a.topic, From: p.id.Instance, Trace: h.Trace}
	for _, s := range a.subs {
		err := s.offer(&out, func(head *codec.Header) (mine bool, err error) {
			if p.head, err = codec.AppendHeader(p.head[:0], head); err != nil {
				return false, err
			}
			mine, err = s.port.link.Forward(link.Ordinary, p.head, m)
			p.owes(s.port.link, mine)
			return mine, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// announce publishes an event of the broker's own.
func (b *Broker) announce(topic string, event any) {
	body, err := codec.Marshal(event)
	if err != nil {
		b.cfg.Logger.Error(fmt.Sprintf("bus: event on %s: %v", topic, err))
		return
	}
	out := codec.Header{Kind: codec.Event, To: topic}
	for _, s := range b.routes.Load().listeners(topic) {
		err := s.offer(&out, func(head *codec.Header) (bool, error) {
			encoded, err := codec.EncodeHeader(head)
			if err != nil {
				return false, err
			}
			mine, err := s.port.link.Send(link.Ordinary, encoded, body, nil)
			if mine {
				s.port.link.Flush()
			}
			return mine, err
		})
		if err != nil {
			b.cfg.Logger.Error(fmt.Sprintf("bus: event on %s: %v", topic, err))
		}
	}
}

// offer sends an event to the subscriber, or counts it as lost if its queue
// is full. Links publish at the same time: whoever takes the count of what
// was lost before tells of it.
func (s *subscription) offer(h *codec.Header, send func(*codec.Header) (bool, error)) error {
	gap := uint64(0)
	if s.gap.Load() > 0 {
		gap = s.gap.Swap(0)
	}
	h.ID, h.Gap = s.id, gap
	_, err := send(h)
	if err == link.ErrFull || err == link.ErrClosed {
		s.gap.Add(gap + 1)
		s.port.drops.Add(1)
		return nil
	}
	return err
}
