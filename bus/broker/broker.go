package broker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/internal/slots"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// Config is what a Broker needs.
type Config struct {
	Table  rights.Table
	Limits link.Limits
	Logger *slog.Logger // category "ipc": one line per request and reply at debug level
	// Pending bounds the calls that may wait for one link's replies; default
	// 2048, which is also how many a Conn serves at a time by default. The table
	// says what share of them a role may have.
	Pending int
	// Up, if set, is called when a link has been welcomed.
	Up func(Identity)
}

// Broker routes messages between the links that Serve attaches.
type Broker struct {
	cfg    Config
	ipc    *slog.Logger
	ranks  map[rights.Role]int       // numbers the roles of the table
	routes atomic.Pointer[directory] // read without a lock

	denied map[rights.Role]*roleDenials // of all roles in the table, never changed

	mu          sync.Mutex             // held to change routes and what follows
	attachments map[string]*attachment // by instance
	methods     map[string]*method
	links       uint64 // that there were
	// announced is how many bytes the links of a role have announced.
	announced map[rights.Role]int
}

// New makes a broker without links.
func New(cfg Config) *Broker {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Pending == 0 {
		cfg.Pending = 2048
	}
	cfg.Pending = min(cfg.Pending, slots.Max)
	b := &Broker{
		cfg: cfg, ipc: cfg.Logger.With("cat", "ipc"),
		attachments: map[string]*attachment{}, methods: map[string]*method{}, ranks: map[rights.Role]int{},
		announced: map[rights.Role]int{}, denied: map[rights.Role]*roleDenials{},
	}
	for role := range cfg.Table {
		b.denied[role] = &roleDenials{}
	}
	for role := range cfg.Table {
		b.ranks[role] = len(b.ranks)
	}
	b.routes.Store(&directory{})
	return b
}

// Serve attaches a link for the identity and routes for it until the link or
// ctx ends. An error tells that the peer broke the protocol or that the
// instance is attached already.
func (b *Broker) Serve(ctx context.Context, nc net.Conn, id Identity) error {
	return b.ServeWith(ctx, nc, id, b.cfg.Limits)
}

// ServeWith is Serve with limits for this link.
func (b *Broker) ServeWith(ctx context.Context, nc net.Conn, id Identity, limits link.Limits) error {
	rights, known := b.cfg.Table[id.Role]
	if !known {
		nc.Close()
		return fmt.Errorf("unknown role %q", id.Role)
	}
	p := newAttachment(b, id, rights, link.New(nc, true, limits))
	if err := b.attach(p); err != nil {
		nc.Close()
		return err
	}
	err := p.link.Run(ctx, p)
	b.detach(p)
	p.abort()
	if p.broken != nil {
		return p.broken
	}
	return err
}

func (b *Broker) attach(p *attachment) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, taken := b.attachments[p.id.Instance]; taken {
		return fmt.Errorf("instance %q is attached already", p.id.Instance)
	}
	b.links++
	p.number = b.links
	b.attachments[p.id.Instance] = p
	return nil
}

func (b *Broker) detach(p *attachment) {
	b.mu.Lock()
	delete(b.attachments, p.id.Instance)
	b.withdraw(p)
	welcomed := p.welcomed
	b.mu.Unlock()
	if welcomed {
		b.announceGone(p)
	}
}

// Stats describes all attached links, sorted by instance.
func (b *Broker) Stats() []LinkStats {
	b.mu.Lock()
	attachments := make([]*attachment, 0, len(b.attachments))
	for _, p := range b.attachments {
		attachments = append(attachments, p)
	}
	b.mu.Unlock()
	slices.SortFunc(attachments, func(x, y *attachment) int { return strings.Compare(x.id.Instance, y.id.Instance) })
	stats := make([]LinkStats, len(attachments))
	for i, p := range attachments {
		stats[i] = p.stats()
	}
	return stats
}

// Methods describes all methods that were ever offered, sorted by name.
func (b *Broker) Methods() []MethodStats {
	b.mu.Lock()
	stats := make([]MethodStats, 0, len(b.methods))
	for _, m := range b.methods {
		stats = append(stats, m.stats())
	}
	b.mu.Unlock()
	slices.SortFunc(stats, func(x, y MethodStats) int { return strings.Compare(x.Method, y.Method) })
	return stats
}

// now is the clock of a batch: what arrives together has one time.
func now() int64 { return time.Now().UnixNano() }
