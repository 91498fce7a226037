package node

import (
	"context"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// tipInterval is how often the state of the chain is told in initial download,
// when each of hundreds of blocks a second would wake every worker.
const tipInterval = 50 * time.Millisecond

// tipNews tells the state of the chain: at once, but in initial download no
// more often than every tipInterval.
type tipNews struct {
	mu    sync.Mutex // held while it is told, so that later news are the newer ones
	last  time.Time  // when it was
	owing bool       // it has changed since
	owed  chan struct{}
}

// tell calls publish, unless that can wait and was done a moment ago: then run
// will.
func (t *tipNews) tell(canWait bool, publish func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.owing = canWait && now.Sub(t.last) < tipInterval; !t.owing {
		t.last = now
		publish()
		return
	}
	select {
	case t.owed <- struct{}{}:
	default:
	}
}

// run calls publish for news that have waited long enough, until ctx ends.
func (t *tipNews) run(ctx context.Context, publish func()) error {
	for {
		select {
		case <-t.owed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		pause := time.NewTimer(tipInterval)
		select {
		case <-pause.C:
			t.settle(publish)
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		}
	}
}

func (t *tipNews) settle(publish func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.owing {
		t.last, t.owing = time.Now(), false
		publish()
	}
}

// publishTip tells the state of the chain, with the headers of blocks that are
// worth an announcement to peers.
func (n *node) publishTip(headers [][]byte) {
	n.news.tell(n.engine.View().Initial, func() { n.sendTip(headers) })
}

func (n *node) sendTip(headers [][]byte) {
	ev := msg.TipChangedEvent{Tip: n.tip(), Frames: bus.Frames{Attached: headers}}
	n.out.send(func(ctx context.Context, conn *bus.Conn) error { return msg.TipChanged.Publish(ctx, conn, ev) })
}
