package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/secure"
)

// Broker serves the links. *broker.Broker does.
type Broker interface {
	ServeWith(ctx context.Context, nc net.Conn, id broker.Identity, limits link.Limits) error
}

// Keyring knows which keys may attach. It is called from many goroutines.
type Keyring interface {
	// Refresh takes in what has changed. After an error Lookup tells what was
	// known before.
	Refresh() error
	// Lookup returns what a key is for.
	Lookup(secure.PublicKey) (role rights.Role, known bool)
	// Owner returns the key that was made for a name, if there is one.
	Owner(role rights.Role, name string) (key secure.PublicKey, known bool)
}

// Config is what an Endpoint needs. The zero value of a bound stands for its
// default.
type Config struct {
	Listeners []net.Listener // Run closes them
	Key       secure.Key     // the broker's own
	Keys      Keyring
	Broker    Broker
	Logger    *slog.Logger
	Limits    *link.Limits  // of every link; default FarLimits
	Silence   time.Duration // after which a peer counts as gone; default Silence
	Handshake time.Duration // until the peer has proven its key; default 10 s
	Waiting   int           // connections that have not; default 1024
	Links     int           // connections that have; default 4096
	Recheck   time.Duration // how often the keys of links are looked up again; default 1 s
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Limits == nil {
		limits := FarLimits()
		c.Limits = &limits
	}
	if c.Silence == 0 {
		c.Silence = Silence
	}
	if c.Handshake == 0 {
		c.Handshake = 10 * time.Second
	}
	if c.Waiting == 0 {
		c.Waiting = 1024
	}
	if c.Links == 0 {
		c.Links = 4096
	}
	if c.Recheck == 0 {
		c.Recheck = time.Second
	}
	return c
}

// FarLimits bounds a link that crosses machines. The peer is pinged; what ends
// a silent link is not here but below it, see Silence.
func FarLimits() link.Limits {
	return link.Limits{
		FrameBytes: 16 << 20, MessageBytes: 32 << 20, Frames: 4096,
		QueueMessages: 8192, QueueBytes: 64 << 20,
		Handshake: 10 * time.Second, Heartbeat: 2 * time.Second,
	}
}

// Endpoint accepts connections for a broker.
type Endpoint struct {
	cfg      Config
	waiting  *waitingRoom
	links    *links
	refusals refusals
	comings  *comings
}

// New makes an endpoint. Nothing is accepted before Run.
func New(cfg Config) *Endpoint {
	cfg = cfg.withDefaults()
	return &Endpoint{
		cfg: cfg, waiting: newWaitingRoom(cfg.Waiting), links: newLinks(cfg.Links),
		refusals: refusals{logger: cfg.Logger, rest: "bus: refused %d more connections"},
		comings:  newComings(cfg.Logger),
	}
}

// Run accepts and serves connections until ctx ends, and joins what it
// started.
func (e *Endpoint) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	stop := context.AfterFunc(ctx, func() {
		for _, l := range e.cfg.Listeners {
			l.Close()
		}
	})
	defer stop()
	for _, l := range e.cfg.Listeners {
		tasks.Go(func() { e.accept(ctx, l, &tasks) })
	}
	tasks.Go(func() { e.lookAfter(ctx) })
	tasks.Wait()
	e.refusals.report()
	e.comings.each((*refusals).report)
}

// acceptPause follows a failed Accept, such as one for lack of descriptors.
const acceptPause = 100 * time.Millisecond

func (e *Endpoint) accept(ctx context.Context, l net.Listener, tasks *sync.WaitGroup) {
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			c := e.waiting.enter(nc)
			tasks.Go(func() { e.serve(ctx, c) })
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		default:
			e.refusals.log(fmt.Sprintf("bus: accepting on %s: %v", l.Addr(), err))
			if !clock.Sleep(ctx, acceptPause) {
				return
			}
		}
	}
}

// serve lives a connection from its handshake to its end.
func (e *Endpoint) serve(ctx context.Context, c *connection) {
	defer c.nc.Close()
	conn, role, err := e.authenticate(ctx, c)
	if crowded := e.waiting.leave(c); crowded {
		err = errCrowded
	}
	if err != nil {
		e.refuse(ctx, c, err)
		return
	}
	f, err := e.admit(ctx, conn, role, c.remote)
	if err != nil {
		e.refuse(ctx, c, err)
		return
	}
	defer e.links.remove(f)
	c.nc.watch(e.cfg.Silence)
	journal := e.comings.of(f.key)
	journal.logAt(slog.LevelInfo, fmt.Sprintf("bus: %s attached from %s", f.id.Instance, c.remote))
	err = e.cfg.Broker.ServeWith(f.ctx, conn, f.id, *e.cfg.Limits)
	if ctx.Err() == nil {
		journal.log(fmt.Sprintf("bus: link of %s (%s) ended: %v", f.id.Instance, c.remote, f.why(err)))
	}
}

// errCrowded is why a silent connection had to make room.
var errCrowded = errors.New("too many connections have not authenticated, and this was the oldest")

func (e *Endpoint) authenticate(ctx context.Context, c *connection) (*secure.Conn, rights.Role, error) {
	var role rights.Role
	conn := secure.Server(c.nc, secure.ServerConfig{
		Key: e.cfg.Key, Limits: secure.Limits{Handshake: e.cfg.Handshake},
		Authorize: func(key secure.PublicKey) (err error) {
			role, err = e.authorize(key)
			return err
		},
	})
	return conn, role, conn.Handshake(ctx)
}

func (e *Endpoint) authorize(key secure.PublicKey) (rights.Role, error) {
	if err := e.cfg.Keys.Refresh(); err != nil {
		return "", err
	}
	role, known := e.cfg.Keys.Lookup(key)
	switch {
	case !known:
		return "", fmt.Errorf("no key file for %s", key)
	case !Outside(role):
		return "", fmt.Errorf("role %s is not for the outside", role)
	}
	return role, nil
}

func (e *Endpoint) refuse(ctx context.Context, c *connection, why error) {
	if ctx.Err() == nil {
		e.refusals.log(fmt.Sprintf("bus: refused a connection from %s: %v", c.remote, why))
	}
}

// lookAfter ends the links whose keys were withdrawn.
func (e *Endpoint) lookAfter(ctx context.Context) {
	complained := ""
	for clock.Sleep(ctx, e.cfg.Recheck) {
		e.refusals.turn()
		e.comings.each((*refusals).turn)
		err := e.cfg.Keys.Refresh()
		if err != nil && err.Error() != complained {
			e.cfg.Logger.Error(fmt.Sprintf("bus: reading the keys: %v", err))
			complained = err.Error()
		}
		for _, f := range e.links.all() {
			if role, known := e.cfg.Keys.Lookup(f.key); !known || role != f.id.Role {
				f.end(errors.New("its key was withdrawn"))
			}
		}
	}
}
