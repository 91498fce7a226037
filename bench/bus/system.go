package main

import (
	"context"
	"slices"
)

// system is one way of passing messages.
type system struct {
	name   string
	note   string // what a reader of the table must know
	absent string // why it cannot be measured; empty if it can

	// broker and server serve until ctx ends and call ready when they can be
	// used. Without a broker, client and server are connected directly, or
	// are one process if there is no server either.
	broker, server func(ctx context.Context, s spec, ready func()) error
	client         func(ctx context.Context, s spec) (client, error)
	events         func(ctx context.Context, s spec) (events, error) // nil if it has none

	floor     bool // what the kernel costs, not a system to compare with; small bodies only
	goBroker  bool // the broker's allocations can be counted
	manyLinks bool // row 6 is measured
	stall     bool // row 7 is measured
}

// client makes calls that are echoed.
type client interface {
	load(ctx context.Context, l load) (timing, error)
	close() error
}

// events is a link that publishes and hears. publish and listen may be called
// from one goroutine each.
type events interface {
	publish(ctx context.Context, topic string, body []byte) error
	// listen calls heard for each event, one after the other, until ctx ends
	// or an error occurs, and subscribed when the subscription has been sent.
	// body is valid during the call.
	listen(ctx context.Context, topic string, subscribed func(), heard func(body []byte) error) error
	close() error
}

// Topics of events.
const (
	topicEvent = "bench.event"
	topicAck   = "bench.ack"
)

// systems lists all in the order of measurement.
func systems() []system {
	return []system{bareSockets(), bulkhead(), nats(), libzmq(), goZeroMQ(), grpcDirect(), inProcess()}
}

func systemNamed(name string) (system, bool) {
	all := systems()
	i := slices.IndexFunc(all, func(s system) bool { return s.name == name })
	if i < 0 {
		return system{}, false
	}
	return all[i], true
}
