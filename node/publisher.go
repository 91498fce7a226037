package node

import (
	"context"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus"
)

// publisher sends events in the order in which the owner of the node causes
// them. Before the node is on the bus there is nobody to hear them.
type publisher struct {
	mu   sync.Mutex
	ctx  context.Context
	conn *bus.Conn
	seq  uint64 // of the last numbered event
}

func (p *publisher) attach(ctx context.Context, conn *bus.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx, p.conn = ctx, conn
}

// send runs publish if the node is on the bus. A failure means that it is
// leaving the bus: nobody hears events any more.
func (p *publisher) send(publish func(ctx context.Context, conn *bus.Conn) error) {
	p.mu.Lock()
	ctx, conn := p.ctx, p.conn
	p.mu.Unlock()
	if conn != nil {
		_ = publish(ctx, conn)
	}
}

// next numbers an event.
func (p *publisher) next() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	return p.seq
}

func (p *publisher) last() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seq
}
