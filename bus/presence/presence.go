package presence

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rights"
)

// Config says what a Watch is to tell, and to whom.
type Config struct {
	Roles []rights.Role // of those to watch; none for all
	// Up is called when one has come, and again when what it announced has
	// changed: a part that drains offers nothing any more.
	Up func(msg.RegistryEntry)
	// Gone is called when one that Up was called for, or that Held names, has
	// ended; of the latter only the instance may be known.
	Gone func(msg.RegistryEntry)
	// Held, if set, names instances of these roles for which something is kept.
	// It is asked before the registry is read: one that came, left something to
	// be kept and ended while events were lost is found so. It may name one twice.
	Held func() []string
	// Fault, if set, is told of events that cannot be decoded. A Watch that joins
	// a Listener leaves that to the Listener's OnFault.
	Fault func(error)
}

// Watch knows who is there.
type Watch struct {
	cfg      Config
	listener *bus.Listener

	mu    sync.Mutex // held while events are taken in
	conn  *bus.Conn
	sub   *bus.Subscription // nil before Start
	lost  bool              // events are missing
	links map[string]msg.RegistryEntry
}

// New makes a Watch that knows of nobody.
func New(cfg Config) *Watch {
	for _, fn := range []*func(msg.RegistryEntry){&cfg.Up, &cfg.Gone} {
		if *fn == nil {
			*fn = func(msg.RegistryEntry) {}
		}
	}
	w := &Watch{cfg: cfg, listener: bus.NewListener(), links: map[string]msg.RegistryEntry{}}
	w.handle(w.listener)
	w.listener.OnGap(func(uint64) error { w.lost = true; return nil })
	w.listener.OnFault(func(_ string, err error) {
		if cfg.Fault != nil {
			cfg.Fault(err)
		}
	})
	return w
}

// handle adds the handlers of the events that tell of the watched roles.
func (w *Watch) handle(l *bus.Listener) {
	up := func(e msg.RegistryEntry, _ bus.Meta) error { w.came(e); return nil }
	gone := func(e msg.RegistryEntry, _ bus.Meta) error { w.went(e); return nil }
	if len(w.cfg.Roles) == 0 {
		msg.LinkUp.OnAll(l, up)
		msg.LinkGone.OnAll(l, gone)
	}
	for _, role := range w.cfg.Roles {
		msg.LinkUp.OnTo(l, string(role), up)
		msg.LinkGone.OnTo(l, string(role), gone)
	}
}

// Join is Run for a part that hears of more than links: l, its own Listener,
// keeps the Watch, which then tells what it has to tell in order with the
// part's other events. Call it before the part follows l's subscription, and
// no other method then or later. Up has been called for all who are there when
// it returns. ctx is that of the questions after a gap.
func (w *Watch) Join(ctx context.Context, l *bus.Listener, conn *bus.Conn) (*bus.Subscription, error) {
	w.conn = conn
	w.handle(l)
	l.OnGap(func(uint64) error { return w.reload(ctx) })
	sub, err := l.Subscribe(ctx, conn)
	if err != nil {
		return nil, err
	}
	if err := w.reload(ctx); err != nil {
		sub.Close()
		return nil, err
	}
	return sub, nil
}

// Start subscribes, and returns when Up has been called for all who are there.
func (w *Watch) Start(ctx context.Context, conn *bus.Conn) error {
	sub, err := w.listener.Subscribe(ctx, conn)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.conn, w.sub, w.lost = conn, sub, true
	w.mu.Unlock()
	return w.Refresh(ctx)
}

// Refresh takes in what has been announced so far: who was told of a part by
// that part knows of it afterwards. Before Start it does nothing.
func (w *Watch) Refresh(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sub == nil {
		return nil
	}
	for {
		ev, ok := w.sub.TryNext()
		if !ok {
			break
		}
		if err := w.listener.Handle(ev); err != nil {
			return err
		}
	}
	if !w.lost {
		return nil
	}
	return w.reload(ctx)
}

// Run is Start, and Refresh whenever there are news, until ctx ends or the Conn
// does.
func (w *Watch) Run(ctx context.Context, conn *bus.Conn) error {
	if err := w.Start(ctx, conn); err != nil {
		return err
	}
	return w.Follow(ctx)
}

// Follow is Run after Start.
func (w *Watch) Follow(ctx context.Context) error {
	defer w.sub.Close()
	for {
		if err := w.Refresh(ctx); err != nil {
			return err
		}
		if err := w.sub.Wait(ctx); err != nil {
			return err
		}
	}
}

// patience is how long the broker, which is in no compartment that could stall,
// may take to tell who is there.
const patience = 10 * time.Second

// reload makes up for what was missed.
func (w *Watch) reload(ctx context.Context) error {
	var held []string
	if w.cfg.Held != nil {
		held = w.cfg.Held()
	}
	// A caller of Refresh who gives up must not leave the gap to nobody.
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	registry, err := msg.Registry.Call(asked, w.conn, bus.None{})
	if err != nil {
		return err
	}
	w.lost = false
	there := map[string]uint64{}
	for _, e := range registry.Links {
		there[e.Instance] = e.Link
	}
	told := map[string]bool{}
	for instance, e := range w.links {
		if link, here := there[instance]; !here || link != e.Link {
			delete(w.links, instance)
			told[instance] = true
			w.cfg.Gone(e)
		}
	}
	for _, instance := range held {
		if _, here := there[instance]; !here && !told[instance] {
			told[instance] = true
			w.cfg.Gone(msg.RegistryEntry{Instance: instance})
		}
	}
	for _, e := range registry.Links {
		w.came(e)
	}
	return nil
}

func (w *Watch) came(e msg.RegistryEntry) {
	if len(w.cfg.Roles) > 0 && !slices.Contains(w.cfg.Roles, rights.Role(e.Role)) {
		return
	}
	switch before, known := w.links[e.Instance]; {
	case known && e.Link < before.Link:
		return // an event from before the registry was read
	case known && e.Link > before.Link:
		// Its end was told of before this one could come, or is lost.
		w.cfg.Gone(before)
	}
	w.links[e.Instance] = e
	w.cfg.Up(e)
}

// went takes in an end. One that the registry has told of already, or that is
// of a link before the present one, is no news.
func (w *Watch) went(e msg.RegistryEntry) {
	if known, ok := w.links[e.Instance]; ok && known.Link == e.Link {
		delete(w.links, e.Instance)
		w.cfg.Gone(known)
	}
}
