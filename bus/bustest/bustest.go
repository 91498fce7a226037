package bustest

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// Bus is a broker to which a test attaches parts.
type Bus struct {
	Broker *broker.Broker
	t      testing.TB
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Table is the rights of a whole node in which every part may offer any command.
func Table() rights.Table {
	commands := roles.Commands{}
	for _, role := range []rights.Role{roles.Supervisor, roles.Peers, roles.Worker, roles.Dialler, roles.Wallet, roles.Notify, roles.Gateway} {
		commands[role] = []string{"*"}
	}
	return roles.Table(commands)
}

// New starts a broker with the default rights.
func New(t testing.TB) *Bus { return NewWith(t, broker.Config{Table: Table()}) }

// NewWith starts a broker.
func NewWith(t testing.TB, cfg broker.Config) *Bus {
	b := &Bus{Broker: broker.New(cfg), t: t}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	t.Cleanup(func() {
		b.cancel()
		b.wg.Wait()
	})
	return b
}

// Link attaches a link and returns the part's end of it.
func (b *Bus) Link(role rights.Role, instance string) net.Conn {
	part, _ := b.WatchedLink(role, instance)
	return part
}

// WatchedLink is Link that tells when the broker is done with it: only then may
// another part have its name.
func (b *Bus) WatchedLink(role rights.Role, instance string) (part net.Conn, ended <-chan struct{}) {
	part, ours := link.Pipe()
	done := make(chan struct{})
	b.wg.Go(func() {
		defer close(done)
		// How a link ends is for the test that broke it to look at.
		_ = b.Broker.Serve(b.ctx, ours, broker.Identity{Role: role, Instance: instance})
	})
	return part, done
}

// Conn attaches a part that offers what mux holds and returns it when the
// broker has welcomed it. It ends with the test, or when stop is
// called, which joins it: then another part may have its name.
func (b *Bus) Conn(role rights.Role, instance string, mux *bus.Mux) (conn *bus.Conn, stop func()) {
	b.t.Helper()
	part, gone := b.WatchedLink(role, instance)
	conn = bus.New(part, bus.Config{Mux: mux})
	ctx, cancel := context.WithCancel(b.ctx)
	ended := make(chan error, 1)
	done := make(chan struct{})
	b.wg.Go(func() {
		defer close(done)
		ended <- conn.Run(ctx)
	})
	select {
	case <-conn.Ready():
	case err := <-ended:
		require.NoError(b.t, err, "%s was not welcomed", instance)
		b.t.Fatalf("%s was not welcomed", instance)
	}
	return conn, func() {
		cancel()
		<-done
		<-gone
	}
}
