package dialler

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/part"
)

// Run makes connections for all workers that the part is docked with, until ctx ends.
func Run(ctx context.Context, env part.Env, cfg Config) error {
	env.SetTitle("dialler")
	return env.Serve(ctx, bus.NewMux(), nil, func(ctx context.Context, conn *bus.Conn) error {
		d := &dialler{conn: conn, system: NewSystem(cfg, env.DialWithin), sighted: func() bool { return true }}
		if openable(resolverFile) {
			d.sighted = func() bool { return openable(resolverFile) }
		}
		return d.run(ctx, env.Docks)
	})
}

// dialler is the part.
type dialler struct {
	conn   *bus.Conn
	system System
	// sighted reports whether the file that says who looks up names may still be read.
	sighted func() bool
	fail    context.CancelCauseFunc
}

// resolverFile says who looks up names: see errReplaced.
const resolverFile = "/etc/resolv.conf"

// errReplaced ends a process that has the right to read only files that are not there any
// more: one that is started now has it for those that are.
var errReplaced = errors.New("the resolver's files were replaced; the next process may read the new ones")

func openable(path string) bool {
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return !errors.Is(err, fs.ErrPermission)
}

// run serves docks until ctx ends. A dock that fails is the worker's loss.
func (d *dialler) run(ctx context.Context, docks <-chan part.Dock) error {
	ctx, d.fail = context.WithCancelCause(ctx)
	defer d.fail(nil)
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		select {
		case dock := <-docks:
			serving.Go(func() { d.serve(ctx, dock) })
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// maxUnderWay is how many questions of one worker are looked into at a time; the others
// wait where they are.
const maxUnderWay = 64

// serve answers one worker until its dock ends.
func (d *dialler) serve(ctx context.Context, dock part.Dock) {
	stop := context.AfterFunc(ctx, func() { dock.Conn.Close() })
	defer stop()
	defer dock.Conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	var group errgroup.Group
	group.SetLimit(maxUnderWay)
	defer func() {
		cancel()
		_ = group.Wait() // no answer is an error here
	}()
	c := &customer{name: dock.Peer, conn: dock.Conn, grants: newGrants()}
	buf := make([]byte, maxQuestion)
	for {
		var q question
		smuggled, err := receive(dock.Conn, buf, &q)
		if smuggled != nil {
			smuggled.Close()
			return
		}
		if err != nil {
			return
		}
		group.Go(func() error {
			a, nc := d.look(ctx, c, q)
			if ctx.Err() != nil {
				// It is no failure of the dial that this process ends: the next one is asked.
				drop(nc)
				return nil
			}
			a.ID = q.ID
			c.reply(a, nc)
			return nil
		})
	}
}

func drop(nc net.Conn) {
	if nc != nil {
		nc.Close()
	}
}

// look finds the answer to a question.
func (d *dialler) look(ctx context.Context, c *customer, q question) (answer, net.Conn) {
	if q.Way == findWays {
		return d.grant(ctx, c, q.Order), nil
	}
	way, ok := c.grants.use(q.Order, q.Way)
	if !ok {
		return answer{Failed: "the dialler knows of no such order"}, nil
	}
	nc, err := d.system.Reach(ctx, way)
	if err != nil {
		return answer{Failed: err.Error()}, nil
	}
	return answer{}, nc
}

// maxStrange is how often a worker may name orders that the manager does not know, which
// happens when a manager was started again. Who does so all the time would use up what
// the manager has time for, and the dialler's share of calls, which is that of all workers.
const maxStrange = 1000

var unknownDial = &bus.Error{Kind: msg.KindUnknownDial}

// grant finds the ways of an order, once.
func (d *dialler) grant(ctx context.Context, c *customer, order uint64) answer {
	if _, known := c.grants.of(order); !known {
		ways, err := d.find(ctx, c.name, order)
		if errors.Is(err, unknownDial) && c.strange.Add(1) > maxStrange {
			c.conn.Close()
		}
		if err != nil {
			return answer{Failed: err.Error()}
		}
		c.grants.add(order, ways)
	}
	ways, _ := c.grants.of(order)
	return answer{Ways: ways}
}

// find asks the manager what an order of a worker is, and how that is reached.
func (d *dialler) find(ctx context.Context, worker string, id uint64) ([]Way, error) {
	order, err := msg.ShowDial.Call(ctx, d.conn, p2p.ShowDialRequest{Worker: worker, Dial: id})
	if err != nil {
		return nil, err
	}
	return d.system.cfg.ways(ctx, order, d.lookUp)
}

// lookUp looks a name up, unless this process cannot any more.
func (d *dialler) lookUp(ctx context.Context, name string) ([]netip.Addr, error) {
	if !d.sighted() {
		d.fail(errReplaced)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return lookUp(ctx, name)
}
