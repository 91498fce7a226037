package bus

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

// Topic is the name of a stream of events with the type of its events.
type Topic[E any] string

// Name returns the topic's name on the bus.
func (t Topic[E]) Name() string { return string(t) }

// Publish sends event to all who subscribed. It waits for room in our own
// outbound queue until ctx ends; a slow subscriber is the broker's business.
// The first event of a topic waits for the broker to say whether we may
// publish it: ErrDenied if not.
func (t Topic[E]) Publish(ctx context.Context, conn *Conn, event E) error {
	return t.PublishTo(ctx, conn, "", event)
}

// PublishTo publishes under the topic's name with a suffix, such as the name
// of the only instance concerned: those who subscribed to the longer name or
// to a prefix of it hear it.
func (t Topic[E]) PublishTo(ctx context.Context, conn *Conn, suffix string, event E) error {
	s, err := conn.current(ctx)
	if err != nil {
		return err
	}
	h := codec.Header{Kind: codec.Publish, To: string(t) + suffix, Trace: TraceFrom(ctx)}
	return s.publish(ctx, &h, &event)
}

// Matches reports whether ev was published on the topic.
func (t Topic[E]) Matches(ev Event) bool { return ev.Topic == string(t) }

// Decode returns the event's typed content.
func (t Topic[E]) Decode(ev Event) (E, error) {
	var event E
	err := decode(ev.body, ev.attached, &event)
	return event, named(err, ev.Topic)
}
