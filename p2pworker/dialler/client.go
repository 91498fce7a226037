package dialler

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/part"
)

// Client is a worker's end of its docks. There is another dock with every process of the
// dialler: what was asked of one that has ended is asked of the next.
type Client struct {
	docks <-chan part.Dock

	mu      sync.Mutex
	dock    *docked       // nil while there is none
	arrived chan struct{} // closed and replaced when there is another
	closed  bool
	last    uint64
}

// docked is a dock in use.
type docked struct {
	conn *net.UnixConn
	gone chan struct{} // closed with the dock
	// waiting are the questions without an answer, which has room for one.
	waiting map[uint64]chan reply
}

type reply struct {
	answer
	socket *os.File // nil for none
}

// NewClient makes one that finds its docks in a channel. Run has to serve it.
func NewClient(docks <-chan part.Dock) *Client {
	return &Client{docks: docks, arrived: make(chan struct{})}
}

// Run serves the docks until ctx ends.
func (c *Client) Run(ctx context.Context) {
	var serving sync.WaitGroup
	defer serving.Wait()
	defer c.Close()
	for {
		select {
		case dock := <-c.docks:
			if d := c.use(dock.Conn); d != nil {
				serving.Go(func() { c.serve(d) })
			}
		case <-ctx.Done():
			return
		}
	}
}

// Close gives up the dock, and all that come: there is nothing to be dialled any more.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.dock != nil {
		c.dock.conn.Close()
	}
}

// use makes a dock the one that is asked, nil if none is.
func (c *Client) use(conn *net.UnixConn) *docked {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return nil
	}
	if c.dock != nil {
		c.dock.conn.Close() // the dialler has ended, though it may not be known here
	}
	c.dock = &docked{conn: conn, gone: make(chan struct{}), waiting: map[uint64]chan reply{}}
	close(c.arrived)
	c.arrived = make(chan struct{})
	return c.dock
}

// serve hands answers to those who wait, until the dock ends.
func (c *Client) serve(d *docked) {
	buf := make([]byte, maxAnswer)
	for {
		var r reply
		var err error
		if r.socket, err = receive(d.conn, buf, &r.answer); err != nil {
			break
		}
		c.mu.Lock()
		if to := d.waiting[r.ID]; to != nil {
			to <- r // there is room
			delete(d.waiting, r.ID)
		} else {
			r.drop()
		}
		c.mu.Unlock()
	}
	d.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dock == d {
		c.dock = nil
	}
	close(d.gone)
}

func (r reply) drop() {
	if r.socket != nil {
		r.socket.Close()
	}
}

// Find implements Dialler.
func (c *Client) Find(ctx context.Context, order p2p.DialOrder) ([]Way, error) {
	r, err := c.ask(ctx, question{Order: order.ID, Way: findWays})
	if err != nil {
		return nil, err
	}
	r.drop()
	if r.Failed != "" {
		return nil, errors.New(r.Failed)
	}
	for i := range r.Ways {
		r.Ways[i].order, r.Ways[i].number = order.ID, i
	}
	return r.Ways, nil
}

// Reach implements Dialler.
func (c *Client) Reach(ctx context.Context, way Way) (net.Conn, error) {
	r, err := c.ask(ctx, question{Order: way.order, Way: way.number})
	if err != nil {
		return nil, err
	}
	defer r.drop()
	if r.socket == nil {
		return nil, errors.New(r.Failed)
	}
	return net.FileConn(r.socket)
}

// ask waits for the answer of a dialler, of the next one if one has ended.
func (c *Client) ask(ctx context.Context, q question) (reply, error) {
	for {
		d, to, err := c.post(ctx, &q)
		if err != nil {
			return reply{}, err
		}
		select {
		case r := <-to:
			return r, nil
		case <-d.gone:
			select {
			case r := <-to: // it came before the end
				return r, nil
			default:
			}
			continue
		case <-ctx.Done():
		}
		c.mu.Lock()
		delete(d.waiting, q.ID)
		c.mu.Unlock()
		select {
		case r := <-to: // it came after all
			r.drop()
		default:
		}
		return reply{}, context.Cause(ctx)
	}
}

// post sends a question to the dialler that is there, or the first that comes, and
// returns where the answer will be.
func (c *Client) post(ctx context.Context, q *question) (*docked, chan reply, error) {
	for {
		c.mu.Lock()
		d, arrived := c.dock, c.arrived
		if d != nil {
			c.last++
			q.ID = c.last
			to := make(chan reply, 1)
			d.waiting[q.ID] = to
			c.mu.Unlock()
			if err := send(d.conn, q, nil); err != nil {
				d.conn.Close() // serve sees to the rest
			}
			return d, to, nil
		}
		c.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("no dialler is there: %w", context.Cause(ctx))
		}
	}
}
