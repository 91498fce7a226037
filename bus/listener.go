package bus

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Meta is what is known of an event besides its content.
type Meta struct {
	From   string // instance of the publisher; "" for the broker
	Suffix string // what PublishTo added to the topic's name
}

// Listener is what a part does with events, as a Mux is with calls: a handler
// for each topic, and one for what was lost. Fill it before Subscribe. Its
// handlers run one after the other, in the order of publication, in the
// goroutine that takes the events.
type Listener struct {
	topics   map[string]hearer
	prefixes map[string]hearer // of topics with any suffix
	gaps     []func(lost uint64) error
	fault    func(topic string, err error)
}

// hearer decodes an event and hands it to its handler.
type hearer func(ev Event, suffix string) error

// NewListener returns an empty Listener.
func NewListener() *Listener {
	return &Listener{topics: map[string]hearer{}, prefixes: map[string]hearer{}}
}

// OnGap has fn called before the event after which lost events are known to be
// missing, when a subscription is restored, and when an event cannot be decoded,
// which is as good as lost: whatever was learned from events has to be learned
// anew. Several functions are called in the order of OnGap. An error ends Run.
func (l *Listener) OnGap(fn func(lost uint64) error) { l.gaps = append(l.gaps, fn) }

// OnFault has fn called when an event cannot be decoded or its handler fails;
// the next event is taken all the same. Without it, that ends Run.
func (l *Listener) OnFault(fn func(topic string, err error)) { l.fault = fn }

// On has fn called with the events that Publish sends on the topic. They may be
// kept.
func (t Topic[E]) On(l *Listener, fn func(E, Meta) error) { t.OnTo(l, "", fn) }

// OnTo is On for the events that PublishTo sends with a suffix.
func (t Topic[E]) OnTo(l *Listener, suffix string, fn func(E, Meta) error) {
	enter(l.topics, string(t)+suffix, t.hearer(fn), suffix)
}

// OnAll is On for events with any suffix, or none.
func (t Topic[E]) OnAll(l *Listener, fn func(E, Meta) error) {
	enter(l.prefixes, string(t), t.hearer(fn), "")
}

func enter(into map[string]hearer, name string, h hearer, suffix string) {
	if _, taken := into[name]; taken {
		panic("bus: two handlers for the events of " + name)
	}
	into[name] = func(ev Event, rest string) error { return h(ev, suffix+rest) }
}

func (t Topic[E]) hearer(fn func(E, Meta) error) hearer {
	return func(ev Event, suffix string) error {
		event, err := t.Decode(ev)
		if err != nil {
			return &unreadableError{err}
		}
		return fn(event, Meta{From: ev.From, Suffix: suffix})
	}
}

// Subscribe asks for the events that there are handlers for. They are in force
// when it returns.
func (l *Listener) Subscribe(ctx context.Context, conn *Conn) (*Subscription, error) {
	return conn.Subscribe(ctx, l.names()...)
}

// names are the prefixes to subscribe to, sorted, none within another.
func (l *Listener) names() []string {
	var all []string
	for name := range l.topics {
		all = append(all, name)
	}
	for name := range l.prefixes {
		all = append(all, name)
	}
	slices.Sort(all)
	var names []string
	for _, name := range all {
		if len(names) == 0 || !strings.HasPrefix(name, names[len(names)-1]) {
			names = append(names, name)
		}
	}
	return names
}

// Run subscribes and handles events until ctx ends or the Conn does.
func (l *Listener) Run(ctx context.Context, conn *Conn) error {
	sub, err := l.Subscribe(ctx, conn)
	if err != nil {
		return err
	}
	defer sub.Close()
	return l.Follow(ctx, sub)
}

// Follow handles the events of a subscription until ctx ends or the Conn does.
// It takes them as Subscription.Each does: a flood of small ones costs no memory.
func (l *Listener) Follow(ctx context.Context, sub *Subscription) error {
	return sub.Each(ctx, l.Handle)
}

// Handle handles one event that was taken from a subscription.
func (l *Listener) Handle(ev Event) error {
	if ev.Gap > 0 {
		if err := l.lost(ev.Gap); err != nil {
			return err
		}
	}
	h, suffix := l.hearerOf(ev.Topic)
	if h == nil {
		return nil
	}
	err := h(ev, suffix)
	if err == nil || l.fault == nil {
		return err
	}
	l.fault(ev.Topic, err)
	if _, unreadable := errors.AsType[*unreadableError](err); unreadable {
		return l.lost(1)
	}
	return nil
}

func (l *Listener) lost(events uint64) error {
	for _, fn := range l.gaps {
		if err := fn(events); err != nil {
			return err
		}
	}
	return nil
}

// unreadableError says that an event could not be decoded.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string { return e.err.Error() }
func (e *unreadableError) Unwrap() error { return e.err }

// hearerOf finds the handler of a topic: the one for just that name, or else the
// one for the longest beginning of it.
func (l *Listener) hearerOf(topic string) (h hearer, suffix string) {
	if h := l.topics[topic]; h != nil {
		return h, ""
	}
	longest := -1
	for prefix, candidate := range l.prefixes {
		if rest, ok := strings.CutPrefix(topic, prefix); ok && len(prefix) > longest {
			h, suffix, longest = candidate, rest, len(prefix)
		}
	}
	return h, suffix
}
