package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// DefaultDeadline is the patience of a call whose context has no deadline.
const DefaultDeadline = 60 * time.Second

// Pauses between attempts to reach the broker again: they double from the
// first to the longest and vary by a random half, so that the parts of a ship
// do not all come back at once.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// Config is what a Conn needs besides its connection.
type Config struct {
	Mux      *Mux         // what the part offers; nil for a mere caller
	Logger   *slog.Logger // for messages that nobody can be told about
	Handlers int          // calls served at a time; default 2048
	Intake   int          // bytes of the requests served at a time; default 256 MiB
	Calls    int          // calls in flight; default and at most 65536
	Limits   link.Limits
}

func (c Config) withDefaults() Config {
	if c.Mux == nil {
		c.Mux = NewMux()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Handlers == 0 {
		c.Handlers = 2048
	}
	if c.Intake == 0 {
		c.Intake = 256 << 20
	}
	return c
}

// Dial reaches the broker: a connection that package link can speak over.
type Dial func(ctx context.Context) (net.Conn, error)

// Conn is a part's link to the broker. Its methods may be called from any
// goroutine once Run has been started.
type Conn struct {
	cfg   Config
	dial  Dial
	again bool          // dial again when the link is lost
	ready chan struct{} // closed by the broker's first welcome
	ended chan struct{} // closed when Run is over

	mu       sync.Mutex
	uplink   *uplink // nil while there is no link
	instance string
	subs     map[*Subscription]struct{}
}

// New makes a Conn over nc, which it owns from now on. When that link ends,
// so does Run.
func New(nc net.Conn, cfg Config) *Conn {
	return newConn(func(context.Context) (net.Conn, error) { return nc, nil }, cfg)
}

// NewDialing makes a Conn that reaches the broker with dial, and again
// whenever it has lost it. What the part offers and has subscribed to is
// restored then, and every subscription gets an event of topic Restored.
func NewDialing(dial Dial, cfg Config) *Conn {
	c := newConn(dial, cfg)
	c.again = true
	return c
}

func newConn(dial Dial, cfg Config) *Conn {
	return &Conn{
		cfg: cfg.withDefaults(), dial: dial,
		ready: make(chan struct{}), ended: make(chan struct{}), subs: map[*Subscription]struct{}{},
	}
}

// Ready is closed when the broker has accepted what the part offers, for the
// first time.
func (c *Conn) Ready() <-chan struct{} { return c.ready }

// Instance is the name under which the broker knows this part: "" before
// Ready.
func (c *Conn) Instance() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.instance
}

// Run serves the link until ctx ends, Drain is through or the link is lost; a
// Conn made by NewDialing reaches for the broker again instead of the last.
// When a link is lost, running handlers are cancelled and joined and waiting
// calls fail with ErrClosed; when Run returns, subscriptions have ended too.
func (c *Conn) Run(ctx context.Context) error {
	defer c.end()
	pause := firstPause
	for {
		welcomed, err := c.once(ctx)
		var drained *drainedError
		switch {
		case errors.As(err, &drained):
			return nil
		case !c.again || ctx.Err() != nil:
			return err
		case welcomed:
			pause = firstPause
		}
		wait := pause/2 + rand.N(pause/2)
		c.cfg.Logger.Warn(fmt.Sprintf("bus: no link to the broker: %v; trying again in %d ms", orClosed(err), wait.Milliseconds()))
		if !clock.Sleep(ctx, wait) {
			return nil
		}
		pause = min(2*pause, longestPause)
	}
}

func orClosed(err error) error {
	if err == nil {
		return errors.New("the broker closed it")
	}
	return err
}

// once serves one link and reports whether the broker accepted it.
func (c *Conn) once(ctx context.Context) (welcomed bool, err error) {
	nc, err := c.dial(ctx)
	if err != nil {
		return false, err
	}
	s, err := newUplink(ctx, c, nc)
	if err != nil {
		nc.Close()
		return false, err
	}
	err = s.run()
	return s.welcomed.Load(), err
}

// enter makes s the link that calls use.
func (c *Conn) enter(s *uplink, instance string) (subs []*Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uplink, c.instance = s, instance
	for sub := range c.subs {
		subs = append(subs, sub)
	}
	return subs
}

// leave tells that s is no more.
func (c *Conn) leave(s *uplink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uplink == s {
		c.uplink = nil
	}
}

func (c *Conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.ended)
	for sub := range c.subs {
		sub.events.End()
	}
}

// current returns the link to use. Before the first welcome it waits for it;
// later, a link that is down is an error at once.
func (c *Conn) current(ctx context.Context) (*uplink, error) {
	select {
	case <-c.ready:
	default:
		select {
		case <-c.ready:
		case <-c.ended:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uplink == nil {
		return nil, ErrClosed
	}
	return c.uplink, nil
}

// Flush waits until everything that was sent has left this process.
func (c *Conn) Flush(ctx context.Context) error {
	s, err := c.current(ctx)
	if err != nil {
		return err
	}
	return sent(s.link.Drain(ctx))
}

// Drain ends the Conn in order: no new calls or events are taken in, the
// running handlers finish, what they answered is flushed, and the link is
// closed, upon which Run returns nil. It fails when ctx ends before; the link
// then stays as it is.
func (c *Conn) Drain(ctx context.Context) error {
	s, err := c.current(ctx)
	if err != nil {
		return err
	}
	return s.drain(ctx)
}

// sent gives an error of the link its kind.
func sent(err error) error {
	if err == nil {
		return nil // before anything is allocated
	}
	var limit *link.LimitError
	switch {
	case errors.Is(err, link.ErrClosed):
		return ErrClosed
	case errors.Is(err, link.ErrFull):
		return &Error{Kind: KindOverloaded, Text: err.Error()}
	case errors.As(err, &limit):
		return &Error{Kind: KindBadMessage, Text: limit.Error()}
	}
	return err
}
