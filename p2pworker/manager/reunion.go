package manager

import (
	"context"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
)

// reunionPatience bounds how long a manager waits, before it dials anybody, for the
// workers that were there before it. They look for it twice a second at least.
const reunionPatience = 3 * time.Second

// reunion is the coming back of workers to a new manager: what they are connected to is
// not to be dialled again.
type reunion struct {
	missing map[string]bool // by instance
	all     chan struct{}   // closed when none is missing any more; nil if that is not waited for
}

// reunite waits until all workers that have a link have registered, or ended, or for
// reunionPatience.
func (m *manager) reunite(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reunionPatience)
	defer cancel()
	registry, err := msg.Registry.Call(ctx, m.conn, bus.None{})
	if err != nil {
		return // then nobody is known to be waited for
	}
	all := make(chan struct{})
	m.mu.Lock()
	m.reunion = reunion{missing: map[string]bool{}, all: all}
	for _, e := range registry.Links {
		if e.Role == string(roles.Worker) && m.queues[e.Instance] == nil {
			m.reunion.missing[e.Instance] = true
		}
	}
	m.reunion.back("")
	m.mu.Unlock()
	select {
	case <-all:
	case <-ctx.Done():
	}
}

// back notes that a worker has registered or ended. The mutex is held.
func (r *reunion) back(worker string) {
	delete(r.missing, worker)
	if r.all != nil && len(r.missing) == 0 {
		close(r.all)
		r.all = nil
	}
}
