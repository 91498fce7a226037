package gateway

import (
	"context"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// errQueueFull answers a request for which there is no place. A request that
// stands alone is refused with an HTTP status instead.
var errQueueFull = &rpc.Error{Code: rpc.InternalError, Message: "Work queue depth exceeded"}

// lanes bounds the calls to each compartment apart: one that is stalled takes
// up its own threads and its own queue, and those of no other. A lane exists
// while it is used, so there are no more than compartments.
//
// Long results have lanes beside those of the calls. A client that reads slowly
// keeps its compartment busy until the end of its result; it is in the way of
// other long results then, and of no call.
type lanes struct {
	threads, queue int

	mu   sync.Mutex
	open map[string]*lane // by instance
}

// lane is the calls to one compartment.
type lane struct {
	active  chan struct{} // one element a call that is made
	waiting chan struct{} // and one that waits for its turn
	users   int
}

func newLanes(threads, queue int) *lanes {
	return &lanes{threads: threads, queue: queue, open: map[string]*lane{}}
}

// enter waits for the turn of a call to an instance. It fails with errQueueFull
// if too many wait, and with ctx. leave is to be called when the call is over.
func (l *lanes) enter(ctx context.Context, instance string) (leave func(), err error) {
	own := l.use(instance)
	if err := own.admit(ctx); err != nil {
		l.unuse(instance)
		return nil, err
	}
	return func() {
		<-own.active
		l.unuse(instance)
	}, nil
}

func (l *lanes) use(instance string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.open[instance]
	if own == nil {
		own = &lane{active: make(chan struct{}, l.threads), waiting: make(chan struct{}, l.queue)}
		l.open[instance] = own
	}
	own.users++
	return own
}

func (l *lanes) unuse(instance string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.open[instance]
	if own.users--; own.users == 0 {
		delete(l.open, instance)
	}
}

func (l *lane) admit(ctx context.Context) error {
	select {
	case l.waiting <- struct{}{}:
	default:
		return errQueueFull
	}
	defer func() { <-l.waiting }()
	select {
	case l.active <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
