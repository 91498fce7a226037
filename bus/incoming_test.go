package bus

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/internal/events"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// watched tells which events can be taken when a reply has been looked at.
type watched struct {
	*uplink
	sub  *Subscription
	seen chan []Event
}

func (w watched) Receive(m *link.Message) {
	w.uplink.Receive(m)
	if h, err := codec.DecodeHeader(m.Head()); err != nil || h.Kind != codec.Reply {
		return
	}
	var events []Event
	for ev, ok := w.sub.TryNext(); ok; ev, ok = w.sub.TryNext() {
		events = append(events, Event{Topic: ev.Topic, From: ev.From, Gap: ev.Gap})
	}
	w.seen <- events
}

type deaf struct{}

func (deaf) Receive(*link.Message) {}
func (deaf) Idle()                 {}

// TestEventsAreHandedOverBeforeAnyOtherMessage: of events and others that
// arrive together in every order, none waits behind another message, and each
// has the topic of its own header.
func TestEventsAreHandedOverBeforeAnyOtherMessage(t *testing.T) {
	ours, theirs := link.Pipe()
	conn := New(ours, Config{})
	s, err := newUplink(t.Context(), conn, ours)
	require.NoError(t, err)
	sub := &Subscription{conn: conn, events: events.New()}
	s.subs[1] = sub
	broker := link.New(theirs, true, link.Limits{})
	ctx, cancel := context.WithCancel(t.Context())
	var links sync.WaitGroup
	links.Go(func() { _ = broker.Run(ctx, deaf{}) })
	w := watched{s, sub, make(chan []Event, 2)}
	links.Go(func() { _ = s.link.Run(ctx, w) })
	<-broker.Ready()
	send := func(h codec.Header) {
		head, err := codec.EncodeHeader(&h)
		require.NoError(t, err)
		_, err = broker.Send(link.Ordinary, head, []byte{0xa0}, nil)
		require.NoError(t, err)
	}
	event := func(topic string, gap uint64) {
		send(codec.Header{Kind: codec.Event, ID: 1, To: topic, From: "x", Gap: gap})
	}
	for range 3 {
		event("a", 0)
	}
	send(codec.Header{Kind: codec.Reply, ID: 77})
	for i, topic := range []string{"b", "b", "a", "a", "a"} {
		event(topic, uint64(i/3*2)) // those with a gap have one header, but each its own gap
	}
	send(codec.Header{Kind: codec.Reply, ID: 78})
	broker.Flush()
	a, b, gap := Event{Topic: "a", From: "x"}, Event{Topic: "b", From: "x"}, Event{Topic: "a", From: "x", Gap: 2}
	require.Equal(t, []Event{a, a, a}, <-w.seen)
	require.Equal(t, []Event{b, b, a, gap, gap}, <-w.seen)
	cancel()
	links.Wait()
}
