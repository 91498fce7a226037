package broker

import (
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// Bounds on what links may announce. The broker keeps it and shows it to all
// who ask, in one message: what all roles together may announce has to fit
// into a frame.
const (
	maxOffers    = 1024
	maxHello     = 512 << 10 // bytes; what the node tells of its commands is 200 KB
	maxAnnounced = 4 << 20   // bytes, by all links of a role
)

// hello enters what the link offers, answers with a welcome and tells
// everybody.
func (p *attachment) hello(m *link.Message) error {
	if m.Size() > maxHello {
		return fmt.Errorf("hello of %d bytes", m.Size())
	}
	var a codec.Announcement
	if err := codec.Unmarshal(m.Second(), &a); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if p.welcomed {
		return fmt.Errorf("second hello")
	}
	if len(a.Offers) > maxOffers {
		return fmt.Errorf("hello offers %d methods", len(a.Offers))
	}
	if len(a.Meta) > 0 && len(p.rights.Offer) == 0 {
		return fmt.Errorf("role %s offers nothing that metadata could be about", p.id.Role)
	}
	slices.Sort(a.Offers)
	a.Offers = slices.Compact(a.Offers)
	for _, method := range a.Offers {
		if len(method) > maxName || !rights.Allows(p.rights.Offer, p.id.Instance, method) {
			p.deny("offer", method)
			return fmt.Errorf("role %s may not offer %.64q", p.id.Role, method)
		}
	}
	if err := p.broker.enter(p, a, m.Size()); err != nil {
		return err
	}
	// Who is welcome has been announced: what it hears from then on is news.
	p.broker.announceUp(p)
	p.tell(&codec.Header{Kind: codec.Welcome, To: p.id.Instance}, emptyBody)
	if up := p.broker.cfg.Up; up != nil {
		up(p.id)
	}
	p.refresh()
	return nil
}

func (b *Broker) enter(p *attachment, a codec.Announcement, size int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.announced[p.id.Role]+size > maxAnnounced {
		return fmt.Errorf("links of role %s announce more than %d bytes", p.id.Role, maxAnnounced)
	}
	if len(p.rights.Offer) > 0 {
		b.announced[p.id.Role] += size
		p.volume = size
	}
	p.offered, p.meta, p.welcomed = a.Offers, a.Meta, true
	b.offer(p, a.Offers)
	return nil
}

// drain withdraws what the link offers and hears: after the answer no call
// and no event comes any more.
func (p *attachment) drain(id uint64) {
	b := p.broker
	b.mu.Lock()
	first := !p.draining
	p.draining, p.meta = true, nil
	b.withdraw(p)
	b.mu.Unlock()
	if first {
		b.announceUp(p)
	}
	p.tell(&codec.Header{Kind: codec.Reply, ID: id}, emptyBody)
}

func (p *attachment) entry() msg.RegistryEntry {
	return msg.RegistryEntry{Instance: p.id.Instance, Role: string(p.id.Role), Offers: p.offered, Meta: p.meta, Link: p.number}
}

func (p *attachment) answerRegistry(id uint64) error {
	shown := p.broker.rolesHeardBy(p)
	var reply msg.RegistryReply
	p.broker.mu.Lock()
	for _, other := range p.broker.attachments {
		if other.welcomed && shown[other.id.Role] {
			reply.Links = append(reply.Links, other.entry())
		}
	}
	p.broker.mu.Unlock()
	p.answerWith(id, reply)
	return nil
}

// rolesHeardBy are the roles whose links a link may hear come.
func (b *Broker) rolesHeardBy(p *attachment) map[rights.Role]bool {
	shown := map[rights.Role]bool{}
	for role := range b.cfg.Table {
		shown[role] = rights.Allows(p.rights.Hear, p.id.Instance, msg.LinkUp.Name()+string(role))
	}
	return shown
}

// answerWith replies to a call that the broker serves itself.
func (p *attachment) answerWith(id uint64, reply any) {
	body, err := codec.Marshal(reply)
	if err != nil {
		p.answer(id, bus.KindInternal, err.Error())
		return
	}
	p.tell(&codec.Header{Kind: codec.Reply, ID: id}, body)
}

func (b *Broker) announceUp(p *attachment) {
	b.announce(msg.LinkUp.Name()+string(p.id.Role), p.entry())
}

func (b *Broker) announceGone(p *attachment) {
	b.announce(msg.LinkGone.Name()+string(p.id.Role), msg.RegistryEntry{Instance: p.id.Instance, Role: string(p.id.Role), Link: p.number})
}
