package broker

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

// directory is who offers and hears what. It is never changed but
// replaced, so routing reads it without a lock.
type directory struct {
	offers map[string]*group
	subs   []*subscription
}

// group is who offers one method.
type group struct {
	method      *method
	attachments []*attachment
	turn        *atomic.Uint64 // outlives this group
}

// pick returns the instance of the given name, or each in turn for "".
func (g *group) pick(target []byte) *attachment {
	if len(target) == 0 {
		return g.attachments[g.turn.Add(1)%uint64(len(g.attachments))]
	}
	for _, p := range g.attachments {
		if p.id.Instance == string(target) {
			return p
		}
	}
	return nil
}

// offer enters what p offers. b.mu is held.
func (b *Broker) offer(p *attachment, methods []string) {
	old := b.routes.Load()
	next := &directory{offers: maps.Clone(old.offers), subs: old.subs}
	if next.offers == nil {
		next.offers = map[string]*group{}
	}
	for _, name := range methods {
		m := b.methodFor(name)
		g := group{method: m, turn: &m.turn}
		if before := next.offers[name]; before != nil {
			g.attachments = before.attachments
		}
		g.attachments = append(slices.Clone(g.attachments), p)
		next.offers[name] = &g
	}
	b.routes.Store(next)
}

// maxMethods bounds the methods whose calls are counted: a part that comes
// back with ever new names must not fill the memory.
const maxMethods = 1 << 14

// methodFor returns the counter of a method. b.mu is held.
func (b *Broker) methodFor(name string) *method {
	m := b.methods[name]
	if m == nil {
		m = &method{name: name}
		if len(b.methods) < maxMethods {
			b.methods[name] = m
		}
	}
	return m
}

// withdraw removes what p offers and hears. b.mu is held.
func (b *Broker) withdraw(p *attachment) {
	b.announced[p.id.Role] -= p.volume
	p.volume = 0
	old := b.routes.Load()
	hears := slices.ContainsFunc(old.subs, func(s *subscription) bool { return s.attachment == p })
	if len(p.offered) == 0 && !hears {
		return // what everybody remembers of the directory stays good
	}
	next := &directory{offers: old.offers, subs: old.subs}
	if len(p.offered) > 0 {
		next.offers = maps.Clone(old.offers)
	}
	for _, name := range p.offered {
		g := *next.offers[name]
		g.attachments = slices.DeleteFunc(slices.Clone(g.attachments), func(o *attachment) bool { return o == p })
		if len(g.attachments) == 0 {
			delete(next.offers, name)
		} else {
			next.offers[name] = &g
		}
	}
	p.offered = nil
	if hears {
		next.subs = slices.DeleteFunc(slices.Clone(old.subs), func(s *subscription) bool { return s.attachment == p })
	}
	b.routes.Store(next)
}

// maxCachedTopics bounds what an attachment remembers of the topics it published.
const maxCachedTopics = 256

// route is what an attachment remembers of a method that it called, until the
// directory changes.
type route struct {
	group   *group
	allowed bool
}

// audience is what an attachment remembers of a topic that it published.
type audience struct {
	topic   string
	allowed bool
	subs    []*subscription
	heads   [][]byte // the header for each, of an event without a gap or a trace
}

// refresh forgets what an older directory said.
func (p *attachment) refresh() {
	if current := p.broker.routes.Load(); current != p.seen {
		p.seen = current
		clear(p.routes)
		clear(p.topics)
	}
}

// routeTo looks a method up. Only methods that somebody offers are
// remembered, so their number is bounded.
func (p *attachment) routeTo(name []byte) route {
	if r, ok := p.routes[string(name)]; ok {
		return r
	}
	full := string(name)
	r := route{group: p.seen.offers[full], allowed: rights.Allows(p.rights.Call, p.id.Instance, full)}
	if r.group != nil {
		p.routes[full] = r
	}
	return r
}

// audienceOf looks up who hears a topic.
func (p *attachment) audienceOf(name []byte) *audience {
	if a, ok := p.topics[string(name)]; ok {
		return a
	}
	a := &audience{topic: string(name), allowed: rights.Allows(p.rights.Publish, p.id.Instance, string(name))}
	if a.allowed {
		a.subs = p.seen.listeners(a.topic)
		a.prepare(p.id.Instance)
	}
	if len(p.topics) >= maxCachedTopics {
		clear(p.topics)
	}
	p.topics[a.topic] = a
	return a
}

// prepare encodes the headers of common events once. Names are bounded, so
// there is no header too long.
func (a *audience) prepare(from string) {
	for _, s := range a.subs {
		head, err := codec.EncodeHeader(&codec.Header{Kind: codec.Event, ID: s.id, To: a.topic, From: from})
		if err != nil {
			head = nil
		}
		a.heads = append(a.heads, head)
	}
}

func (d *directory) listeners(topic string) []*subscription {
	var some []*subscription
	for _, s := range d.subs {
		if slices.ContainsFunc(s.prefixes, func(prefix string) bool { return strings.HasPrefix(topic, prefix) }) {
			some = append(some, s)
		}
	}
	return some
}
