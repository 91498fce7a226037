package dialler

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// answerPatience bounds how long a worker has to take an answer.
const answerPatience = 5 * time.Second

// customer is a worker at its dock.
type customer struct {
	name   string
	grants *grants

	strange atomic.Int64 // questions for orders that the manager does not know

	mu   sync.Mutex // one answer at a time
	conn *net.UnixConn
}

// reply sends an answer, with the connection if there is one, which is the worker's then.
// Who does not take answers has no dock any more.
func (c *customer) reply(a answer, nc net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.conn.SetWriteDeadline(time.Now().Add(answerPatience))
	if err == nil {
		err = send(c.conn, a, nc)
	}
	drop(nc)
	if err != nil {
		c.conn.Close()
	}
}

// What a worker may have: orders at a time, and uses of each way of one (a router of I2P is
// connected to twice).
const (
	maxGrants = 64
	maxUses   = 2
)

// grants are the ways of a worker's orders that were found, of the last maxGrants. They
// may be used by several goroutines.
type grants struct {
	mu     sync.Mutex
	orders []uint64 // the oldest first
	ways   map[uint64][]granted
}

type granted struct {
	Way
	uses int
}

func newGrants() *grants { return &grants{ways: map[uint64][]granted{}} }

// of returns the ways that an order was granted.
func (g *grants) of(order uint64) (ways []Way, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	list, ok := g.ways[order]
	for _, w := range list {
		ways = append(ways, w.Way)
	}
	return ways, ok
}

// add grants the ways of an order, unless it was meanwhile: finding it again makes
// nothing new of it.
func (g *grants) add(order uint64, ways []Way) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.ways[order]; known {
		return
	}
	if len(g.orders) == maxGrants {
		delete(g.ways, g.orders[0])
		g.orders = g.orders[1:]
	}
	list := make([]granted, len(ways))
	for i, w := range ways {
		list[i].Way = w
	}
	g.orders = append(g.orders, order)
	g.ways[order] = list
}

// use takes one use of a way; there is none left if it is false.
func (g *grants) use(order uint64, number int) (Way, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := g.ways[order]
	if number < 0 || number >= len(list) || list[number].uses == maxUses {
		return Way{}, false
	}
	list[number].uses++
	return list[number].Way, true
}
