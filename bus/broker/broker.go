package broker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/link"
)

// Config is what a Broker needs.
type Config struct {
	Table  Table
	Limits link.Limits
	Logger *slog.Logger // category "ipc": one line per request and reply at debug level
	// Pending bounds the calls that one link may have in flight; default 8192.
	Pending int
	// Up, if set, is called when a link has been welcomed.
	Up func(Identity)
}

// Broker routes messages between the links that Serve attaches.
type Broker struct {
	cfg    Config
	ipc    *slog.Logger
	nextID atomic.Uint64
	robin  atomic.Uint64

	mu     sync.RWMutex
	ports  map[string]*port   // by instance
	offers map[string][]*port // by method
	subs   []*subscription
}

// New makes a broker without links.
func New(cfg Config) *Broker {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Pending == 0 {
		cfg.Pending = 8192
	}
	return &Broker{
		cfg: cfg, ipc: cfg.Logger.With("cat", "ipc"),
		ports: map[string]*port{}, offers: map[string][]*port{},
	}
}

// Serve attaches a link for the identity and routes for it until the link or
// ctx ends. An error tells that the peer broke the protocol or that the
// instance is attached already.
func (b *Broker) Serve(ctx context.Context, nc net.Conn, id Identity) error {
	rights, known := b.cfg.Table[id.Role]
	if !known {
		nc.Close()
		return fmt.Errorf("unknown role %q", id.Role)
	}
	p := &port{
		broker: b, id: id, rights: rights, since: time.Now(),
		link:    link.New(nc, true, b.cfg.Limits),
		pending: map[uint64]pendingCall{}, calls: map[uint64]calledAt{},
	}
	if err := b.attach(p); err != nil {
		nc.Close()
		return err
	}
	err := p.link.Run(ctx, p.receive)
	b.detach(p)
	p.settle()
	if p.broken != nil {
		return p.broken
	}
	return err
}

func (b *Broker) attach(p *port) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, taken := b.ports[p.id.Instance]; taken {
		return fmt.Errorf("instance %q is attached already", p.id.Instance)
	}
	b.ports[p.id.Instance] = p
	return nil
}

func (b *Broker) detach(p *port) {
	b.mu.Lock()
	delete(b.ports, p.id.Instance)
	for _, method := range p.offered {
		rest := slices.DeleteFunc(slices.Clone(b.offers[method]), func(o *port) bool { return o == p })
		if len(rest) == 0 {
			delete(b.offers, method)
		} else {
			b.offers[method] = rest
		}
	}
	b.subs = slices.DeleteFunc(slices.Clone(b.subs), func(s *subscription) bool { return s.port == p })
	welcomed := p.welcomed
	b.mu.Unlock()
	if welcomed {
		b.announceGone(p)
	}
}

// serverOf picks who serves a method: the target, or each in turn.
func (b *Broker) serverOf(method, target string) *port {
	b.mu.RLock()
	defer b.mu.RUnlock()
	group := b.offers[method]
	if target != "" {
		i := slices.IndexFunc(group, func(p *port) bool { return p.id.Instance == target })
		if i < 0 {
			return nil
		}
		return group[i]
	}
	if len(group) == 0 {
		return nil
	}
	return group[b.robin.Add(1)%uint64(len(group))]
}

// Stats describes all attached links, sorted by instance.
func (b *Broker) Stats() []LinkStats {
	b.mu.RLock()
	ports := make([]*port, 0, len(b.ports))
	for _, p := range b.ports {
		ports = append(ports, p)
	}
	b.mu.RUnlock()
	slices.SortFunc(ports, func(x, y *port) int {
		if x.id.Instance < y.id.Instance {
			return -1
		}
		return 1
	})
	stats := make([]LinkStats, len(ports))
	for i, p := range ports {
		stats[i] = p.stats()
	}
	return stats
}
