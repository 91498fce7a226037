package wallet

import (
	"context"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
)

const (
	retryPause = 500 * time.Millisecond
	// itemWindow is how many items of a scan or list may be under way.
	itemWindow = 8
	// sendPatience is how long a new payment may be under way to the node.
	sendPatience = 30 * time.Second
)

// nodeLink is the wallet's connection with the node.
type nodeLink struct {
	conn    *bus.Conn
	events  *bus.Subscription
	started chan struct{} // closed when conn and events are set
	// What events mean, and those of it that have to be taken in. w.steps guards
	// both after the start.
	listener *bus.Listener
	heard    []follow.Input
	failed   chan error    // capacity 1: an error after which the process ends
	tip      chan struct{} // capacity 1: a command waits for the node's tip
	todo     chan struct{} // capacity 1: there is something in pending

	mu      sync.Mutex
	pending follow.Effect      // to be begun; nil if there is none
	cancel  context.CancelFunc // ends what is under way; nil before the first
}

func newNodeLink() nodeLink {
	return nodeLink{
		started: make(chan struct{}), failed: make(chan error, 1),
		tip: make(chan struct{}, 1), todo: make(chan struct{}, 1),
	}
}

func (n *nodeLink) fail(err error) { offer(n.failed, err) }

func (n *nodeLink) askTip() { offer(n.tip, struct{}{}) }

func offer[T any](to chan T, value T) {
	select {
	case to <- value:
	default:
	}
}

// ask hands a request, its cancellation or a pause to the goroutine that
// carries them out. The follower wants one thing at a time: what was asked
// before has ended, or is not wanted any more.
func (n *nodeLink) ask(effect follow.Effect) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cancel != nil {
		n.cancel()
	}
	n.pending = nil
	if _, stop := effect.(follow.Cancel); !stop {
		n.pending = effect
		offer(n.todo, struct{}{})
	}
}

// begin returns the next thing to do, nil if there is none, and the context
// that ends it.
func (n *nodeLink) begin(ctx context.Context) (follow.Effect, context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	effect := n.pending
	n.pending = nil
	if effect != nil {
		ctx, n.cancel = context.WithCancel(ctx)
	}
	return effect, ctx
}
