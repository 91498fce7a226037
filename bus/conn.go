package bus

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// DefaultDeadline is the patience of a call whose context has no deadline.
const DefaultDeadline = 60 * time.Second

// Config is what a Conn needs besides its connection.
type Config struct {
	Mux      *Mux         // what the part offers; nil for a mere caller
	Logger   *slog.Logger // for messages that nobody can be told about
	Handlers int          // calls served at a time; default 1024
	Limits   link.Limits
}

// Conn is a part's link to the broker. Its methods may be called from any
// goroutine once Run has been started.
type Conn struct {
	cfg   Config
	link  *link.Link
	ready chan struct{} // closed by the broker's welcome, once
	ended chan struct{} // closed when Run no longer reads

	welcomed sync.Once

	mu       sync.Mutex
	nextID   uint64
	waiting  map[uint64]chan answer
	subs     map[uint64]*Subscription
	serving  map[uint64]context.CancelFunc
	handlers sync.WaitGroup
}

// answer is a reply or an error to a call.
type answer struct {
	body     []byte
	attached [][]byte
	err      error
}

// New makes a Conn over nc, which it owns from now on.
func New(nc net.Conn, cfg Config) *Conn {
	if cfg.Mux == nil {
		cfg.Mux = NewMux()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Handlers == 0 {
		cfg.Handlers = 1024
	}
	return &Conn{
		cfg: cfg, link: link.New(nc, false, cfg.Limits),
		ready: make(chan struct{}), ended: make(chan struct{}),
		waiting: map[uint64]chan answer{}, subs: map[uint64]*Subscription{},
		serving: map[uint64]context.CancelFunc{},
	}
}

// Ready is closed when the broker has accepted what the part offers.
func (c *Conn) Ready() <-chan struct{} { return c.ready }

// Run serves the link until the broker closes it, ctx ends or the link fails.
// Before it returns, running handlers are cancelled and joined, waiting calls
// fail with ErrClosed and subscriptions end.
func (c *Conn) Run(ctx context.Context) error {
	hello, err := encode(&codec.Header{Kind: codec.Hello},
		&codec.Announcement{Offers: c.cfg.Mux.Offers(), Meta: c.cfg.Mux.meta})
	if err != nil {
		return err
	}
	if err := c.link.Send(hello); err != nil {
		return err
	}
	serve, cancel := context.WithCancel(ctx)
	defer cancel()
	err = c.link.Run(ctx, func(msg link.Message) { c.receive(serve, msg) })
	c.end(cancel)
	return err
}

func (c *Conn) end(cancel context.CancelFunc) {
	cancel()
	c.mu.Lock()
	close(c.ended)
	for _, sub := range c.subs {
		sub.end()
	}
	c.mu.Unlock()
	c.handlers.Wait()
}

func (c *Conn) receive(ctx context.Context, msg link.Message) {
	h, err := codec.DecodeHeader(msg[0])
	if err != nil || len(msg) < 2 {
		c.cfg.Logger.Warn("bus: dropped a malformed message from the broker", "err", err)
		return
	}
	switch h.Kind {
	case codec.Welcome:
		c.welcomed.Do(func() { close(c.ready) })
	case codec.Call:
		c.serve(ctx, h, msg[1], msg[2:])
	case codec.Cancel:
		c.cancelServing(h.ID)
	case codec.Reply:
		c.resolve(h.ID, answer{body: msg[1], attached: msg[2:]})
	case codec.Error:
		c.resolve(h.ID, answer{err: &Error{Kind: Kind(h.Fault), Method: h.To, Text: h.Text}})
	case codec.Event:
		c.deliver(h, msg)
	default:
		c.cfg.Logger.Warn("bus: dropped a message of unexpected kind", "kind", h.Kind)
	}
}

func (c *Conn) deliver(h codec.Header, msg link.Message) {
	c.mu.Lock()
	sub := c.subs[h.ID]
	c.mu.Unlock()
	if sub != nil {
		sub.push(Event{Topic: h.To, From: h.From, Gap: h.Gap, body: msg[1], attached: msg[2:]})
	}
}

func (c *Conn) forget(s *Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.subs, s.id)
}

func (c *Conn) send(ctx context.Context, msg link.Message) error {
	select {
	case <-c.ready:
	case <-c.ended:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	err := c.link.SendWait(ctx, msg)
	if errors.Is(err, link.ErrClosed) {
		return ErrClosed
	}
	return err
}

// Flush waits until everything that was sent has left this process.
func (c *Conn) Flush(ctx context.Context) error {
	err := c.link.Flush(ctx)
	if errors.Is(err, link.ErrClosed) {
		return ErrClosed
	}
	return err
}
