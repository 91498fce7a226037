package chainstate

import (
	"context"
	"errors"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/script"
)

// flights are the transactions whose scripts run or are about to, at most one a caller. A wtxid
// commits to what is spent.
type flights struct {
	mu      sync.Mutex
	running map[flightName]*flight
}

// flightName is a transaction with the rules that it is verified by.
type flightName struct {
	wtxid       chainhash.Hash
	flags, also txscript.ScriptFlags
}

type flight struct {
	done chan struct{} // closed at the end
	err  error         // thereafter
}

// join returns the verdict of run, or of another caller's that runs already.
func (f *flights) join(ctx context.Context, name flightName, run func() error) error {
	for {
		other := f.lead(name)
		if other == nil {
			return f.fly(name, run)
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		var failed *script.Error
		if other.err == nil || errors.As(other.err, &failed) {
			return other.err
		} // else it was the other caller who had no time left
	}
}

// lead makes the caller the one who runs, unless there is another, which it
// returns.
func (f *flights) lead(name flightName) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	other := f.running[name]
	if other == nil {
		f.running[name] = &flight{done: make(chan struct{})}
	}
	return other
}

func (f *flights) fly(name flightName, run func() error) error {
	err := run()
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.running[name]
	own.err = err
	delete(f.running, name)
	close(own.done)
	return err
}
