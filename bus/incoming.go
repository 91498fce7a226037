package bus

import (
	"bytes"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/internal/events"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// incoming is what an uplink's reader does with events: those that arrive
// together under one header are handed to their subscription together, with
// one lock and one wake.
//
// Invariant: what is in batch is handed over before any other message is
// looked at, and before the reader waits: who has seen a reply can see all
// events that arrived before it.
type incoming struct {
	head  []byte // of the last event
	subID uint64 // what that says, with the header of batch
	sub   *Subscription
	batch events.Batch
}

// same reports whether m is an event under the same header as the last.
func (s *uplink) same(m *link.Message) bool {
	return len(s.incoming.head) > 0 && bytes.Equal(m.Head(), s.incoming.head) && m.Len() > 1
}

// announce remembers an event's header: those that follow mostly have the
// same, and need not be looked at again.
func (s *uplink) announce(h *codec.View, m *link.Message) {
	in := &s.incoming
	in.batch = events.NewBatch(s.name(h.To), s.name(h.From), h.Gap)
	in.subID = h.ID
	in.head = append(in.head[:0], m.Head()...)
	s.deliver(m)
	if h.Gap > 0 {
		in.head = in.head[:0]
	}
}

// deliver adds an event to those that are to be handed over. A large one, or
// one with attachments, goes alone.
func (s *uplink) deliver(m *link.Message) {
	in := &s.incoming
	body, _ := m.Frame(1)
	alone := m.Len() > 2 || len(body) > events.SmallBody
	if alone || !in.batch.Room(&s.bodies, body) {
		s.handOver()
	}
	if in.batch.Len() == 0 && !s.listened() {
		return
	}
	if alone {
		in.batch.Set(owned(m))
		s.handOver()
		return
	}
	in.batch.Append(&s.bodies, body)
}

// owned returns the body and the attachments of a message, to keep.
func owned(m *link.Message) (body []byte, attached [][]byte) {
	body, own := m.Frame(1)
	if !own {
		body = append([]byte{}, body...)
	}
	return body, attachments(m)
}

// listened finds the subscription that the event is for, and reports whether
// there is one.
func (s *uplink) listened() bool {
	s.heard.Lock()
	defer s.heard.Unlock()
	s.incoming.sub = s.subs[s.incoming.subID]
	return s.incoming.sub != nil
}

// handOver gives the events that have arrived to their subscription.
func (s *uplink) handOver() {
	in := &s.incoming
	if in.batch.Len() == 0 {
		return
	}
	next := in.batch.Next()
	in.sub.events.Push(in.batch)
	in.batch = next
}
