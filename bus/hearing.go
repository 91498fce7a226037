package bus

import (
	"bytes"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// hearing is what an uplink's reader does with events: those that arrive
// together under one header are handed to their subscription together, with
// one lock and one wake.
//
// Invariant: what is in bundle is handed over before any other message is
// looked at, and before the reader waits: who has seen a reply can see all
// events that arrived before it.
type hearing struct {
	head   []byte // of the last event
	subID  uint64 // what that says, with topic, from and gap of bundle
	sub    *Subscription
	bundle bundle
}

// same reports whether m is an event under the same header as the last.
func (s *uplink) same(m *link.Message) bool {
	return len(s.hearing.head) > 0 && bytes.Equal(m.Head(), s.hearing.head) && m.Len() > 1
}

// announce remembers an event's header: those that follow mostly have the
// same, and need not be looked at again.
func (s *uplink) announce(h *codec.View, m *link.Message) {
	e := &s.hearing
	e.bundle.topic, e.bundle.from, e.bundle.gap = s.name(h.To), s.name(h.From), h.Gap
	e.subID = h.ID
	e.head = append(e.head[:0], m.Head()...)
	s.deliver(m)
	if h.Gap > 0 {
		e.head = e.head[:0]
	}
}

// deliver adds an event to those that are to be handed over. A large one, or
// one with attachments, goes alone.
func (s *uplink) deliver(m *link.Message) {
	e := &s.hearing
	body, _ := m.Frame(1)
	alone := m.Len() > 2 || len(body) > smallBody
	if alone || e.bundle.count == maxBundle || !s.bodies.fits(body) {
		s.handOver()
	}
	if e.bundle.count == 0 && !s.listened() {
		return
	}
	if alone {
		e.bundle.lone, e.bundle.count = newLone(m), 1
		e.bundle.size = e.bundle.first()
		s.handOver()
		return
	}
	if e.bundle.count == 0 {
		s.bodies.begin(&e.bundle, body)
	}
	s.bodies.add(&e.bundle, body)
}

// listened finds who hears the event, and reports whether there is somebody.
func (s *uplink) listened() bool {
	s.heard.Lock()
	defer s.heard.Unlock()
	s.hearing.sub = s.subs[s.hearing.subID]
	return s.hearing.sub != nil
}

// handOver gives the events that have arrived to their subscription.
func (s *uplink) handOver() {
	e := &s.hearing
	if e.bundle.count == 0 {
		return
	}
	e.sub.events.push(e.bundle)
	e.bundle = bundle{topic: e.bundle.topic, from: e.bundle.from}
}
