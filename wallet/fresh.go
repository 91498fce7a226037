package wallet

import (
	"context"
	"time"
)

// defaultPatience is how long a command waits until the wallet has caught up
// with the node.
const defaultPatience = 10 * time.Second

// freshness tells what commands may rely on. It is guarded by wallet.mu.
type freshness struct {
	asked    uint64        // how often a command asked for the node's tip
	answered uint64        // what asked was when the tip was asked for that was taken in last
	changed  chan struct{} // closed, and made anew, by every step
	// lagging: a command has waited in vain since the wallet was last in sync.
	// The next ones wait for a twentieth of the time only.
	lagging    bool
	scanLogged time.Time // when the scan under way was last logged
}

// wake lets commands look again.
func (f *freshness) wake(inSync bool) {
	close(f.changed)
	f.changed = make(chan struct{})
	if inSync && f.answered == f.asked {
		f.lagging = false
	}
}

// catchUp waits until the wallet has taken in everything that the node had
// accepted before the call, and reports whether it has. It gives up after a
// time; then the wallet is as it was when it was last in touch with the node,
// or in the middle of a scan.
func (w *wallet) catchUp(ctx context.Context) (bool, error) {
	select {
	case <-w.node.started:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	w.mu.Lock()
	w.asked++
	mine, patience := w.asked, w.cfg.Patience
	if w.lagging {
		patience /= 20
	}
	w.mu.Unlock()
	w.node.askTip()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		w.mu.Lock()
		done, changed := w.answered >= mine && w.follower.InSync(), w.changed
		w.lagging = w.lagging && !done
		w.mu.Unlock()
		if done {
			return true, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			w.mu.Lock()
			w.lagging = true
			w.mu.Unlock()
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}
