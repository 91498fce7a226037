package broker

import (
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// maxOffers bounds what one link may announce.
const maxOffers = 1024

// hello enters what the link offers, answers with a welcome and tells
// everybody.
func (p *port) hello(body []byte) error {
	var a codec.Announcement
	if err := codec.Unmarshal(body, &a); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if p.welcomed {
		return fmt.Errorf("second hello")
	}
	if len(a.Offers) > maxOffers {
		return fmt.Errorf("hello offers %d methods", len(a.Offers))
	}
	for _, method := range a.Offers {
		if len(method) > maxName || !allows(p.rights.Offer, p.id.Instance, method) {
			p.deny("offer", method)
			return fmt.Errorf("role %s may not offer %.64q", p.id.Role, method)
		}
	}
	head, err := codec.EncodeHeader(&codec.Header{Kind: codec.Welcome, To: p.id.Instance})
	if err != nil {
		return err
	}
	p.broker.enter(p, a)
	p.deliver(link.Message{head, emptyBody})
	p.broker.announceUp(p)
	if up := p.broker.cfg.Up; up != nil {
		up(p.id)
	}
	return nil
}

func (b *Broker) enter(p *port, a codec.Announcement) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.offered, p.meta, p.welcomed = a.Offers, a.Meta, true
	for _, method := range a.Offers {
		b.offers[method] = append(slices.Clone(b.offers[method]), p)
	}
}

func (p *port) entry() msg.RegistryEntry {
	return msg.RegistryEntry{Instance: p.id.Instance, Role: string(p.id.Role), Offers: p.offered, Meta: p.meta}
}

func (p *port) answerRegistry(id uint64) {
	var reply msg.RegistryReply
	p.broker.mu.RLock()
	for _, other := range p.broker.ports {
		if other.welcomed {
			reply.Links = append(reply.Links, other.entry())
		}
	}
	p.broker.mu.RUnlock()
	body, err := codec.Marshal(reply)
	if err != nil {
		p.answer(id, msg.Registry.Name(), bus.KindInternal, err.Error())
		return
	}
	head, err := codec.EncodeHeader(&codec.Header{Kind: codec.Reply, ID: id})
	if err != nil {
		p.answer(id, msg.Registry.Name(), bus.KindInternal, err.Error())
		return
	}
	p.deliver(link.Message{head, body})
}

func (b *Broker) announceUp(p *port) { b.announce(msg.LinkUp.Name(), p.entry()) }

func (b *Broker) announceGone(p *port) {
	b.announce(msg.LinkGone.Name(), msg.RegistryEntry{Instance: p.id.Instance, Role: string(p.id.Role)})
}

func (b *Broker) announce(topic string, entry msg.RegistryEntry) {
	body, err := codec.Marshal(entry)
	if err != nil {
		b.cfg.Logger.Error(fmt.Sprintf("bus: announcing %s: %v", entry.Instance, err))
		return
	}
	b.publish(topic, "", 0, link.Message{body})
}
