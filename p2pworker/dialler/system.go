package dialler

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// System makes connections in its own process.
type System struct {
	cfg  Config
	dial func(ctx context.Context, limit time.Duration, network, address string) (net.Conn, error)
}

// NewSystem makes one that connects by dial, which gives up after limit.
func NewSystem(cfg Config, dial func(ctx context.Context, limit time.Duration, network, address string) (net.Conn, error)) System {
	return System{cfg: cfg.withDefaults(), dial: dial}
}

// Find implements Dialler.
func (s System) Find(ctx context.Context, order p2p.DialOrder) ([]Way, error) {
	return s.cfg.ways(ctx, order, lookUp)
}

// Reach implements Dialler.
func (s System) Reach(ctx context.Context, way Way) (net.Conn, error) {
	network, address := way.first()
	return s.dial(ctx, s.cfg.ConnectTimeout, network, address)
}

// lookUp asks the machine's name servers. The C library's resolver would read what a
// process in a sandbox may not.
func lookUp(ctx context.Context, name string) ([]netip.Addr, error) {
	resolver := net.Resolver{PreferGo: true}
	return resolver.LookupNetIP(ctx, "ip", name)
}
