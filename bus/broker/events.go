package broker

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// Bounds on what one link may subscribe to.
const (
	maxSubscriptions = 64
	maxPrefixes      = 64
	maxName          = codec.MaxName
	maxSubscribe     = 64 << 10 // bytes
)

// subscription is one link's wish to hear some topics.
type subscription struct {
	attachment *attachment
	id         uint64
	prefixes   []string
	gap        atomic.Uint64 // events lost since the last one that was sent
}

func (p *attachment) subscribe(h *codec.View, m *link.Message) error {
	if m.Size() > maxSubscribe {
		return fmt.Errorf("subscribe of %d bytes", m.Size())
	}
	var want codec.Prefixes
	body := m.Second()
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
		if !rights.Allows(p.rights.Hear, p.id.Instance, prefix) {
			p.deny("hear", prefix)
			p.answer(h.ID, bus.KindDenied, fmt.Sprintf("role %s may not hear %q", p.id.Role, prefix))
			return nil
		}
	}
	if err := p.broker.subscribe(&subscription{attachment: p, id: h.ID, prefixes: want.Topics}); err != nil {
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
		if other.attachment == s.attachment {
			mine++
		}
	}
	if mine >= maxSubscriptions {
		return fmt.Errorf("more than %d subscriptions", maxSubscriptions)
	}
	b.routes.Store(&directory{offers: old.offers, subs: append(slices.Clone(old.subs), s)})
	return nil
}

func (p *attachment) unsubscribe(id uint64) {
	b := p.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.routes.Load()
	ended := func(s *subscription) bool { return s.attachment == p && s.id == id }
	if slices.ContainsFunc(old.subs, ended) {
		b.routes.Store(&directory{offers: old.offers, subs: slices.DeleteFunc(slices.Clone(old.subs), ended)})
	}
}

func (p *attachment) publish(h *codec.View, m *link.Message) error {
	if len(h.To) > maxName {
		return fmt.Errorf("topic of %d bytes", len(h.To))
	}
	a := p.audienceOf(h.To)
	if !a.allowed {
		p.deny("publish", a.topic)
		if h.ID != 0 {
			p.answer(h.ID, bus.KindDenied, fmt.Sprintf("role %s may not publish it", p.id.Role))
		}
		return nil
	}
	if h.ID != 0 {
		p.tell(&codec.Header{Kind: codec.Reply, ID: h.ID}, emptyBody)
	}
	for i, s := range a.subs {
		gap := s.takeGap()
		head := a.heads[i]
		if gap > 0 || h.Trace != 0 || head == nil {
			var err error
			out := codec.Header{Kind: codec.Event, ID: s.id, To: a.topic, From: p.id.Instance, Trace: h.Trace, Gap: gap}
			if p.head, err = codec.AppendHeader(p.head[:0], &out); err != nil {
				return err
			}
			head = p.head
		}
		mine, err := s.attachment.link.Forward(link.Ordinary, head, m)
		p.owes(s.attachment.link, mine)
		s.sent(gap, err)
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
	for _, s := range b.routes.Load().listeners(topic) {
		gap := s.takeGap()
		head, err := codec.EncodeHeader(&codec.Header{Kind: codec.Event, ID: s.id, To: topic, Gap: gap})
		if err != nil {
			b.cfg.Logger.Error(fmt.Sprintf("bus: event on %s: %v", topic, err))
			return
		}
		mine, err := s.attachment.link.Send(link.Ordinary, head, body, nil)
		if mine {
			s.attachment.link.Flush()
		}
		s.sent(gap, err)
	}
}

// takeGap returns how many events were lost since the last one that was sent.
// Links publish at the same time: the one that takes the count tells of it.
func (s *subscription) takeGap() uint64 {
	if s.gap.Load() == 0 {
		return 0
	}
	return s.gap.Swap(0)
}

// sent notes how sending an event that told of a gap went: one that found no
// room counts as lost.
func (s *subscription) sent(gap uint64, err error) {
	if err != nil {
		s.gap.Add(gap + 1)
		s.attachment.drops.Add(1)
	}
}
