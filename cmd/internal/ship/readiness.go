package ship

import (
	"maps"
	"slices"
	"sync"
)

// loadedWallets is what the node waits for until the keeper of wallets has told
// that they are loaded.
const loadedWallets = "the wallets to be loaded"

// readiness is the one place that knows whether the node is ready. What arrived
// once stays so: a compartment that is started again later is no new start of
// the node.
type readiness struct {
	ready chan struct{} // closed when nothing is missing

	mu      sync.Mutex
	missing map[string]bool
}

func newReadiness(required []string) *readiness {
	r := &readiness{ready: make(chan struct{}), missing: map[string]bool{}}
	for _, name := range required {
		r.missing[name] = true
	}
	if len(required) == 0 {
		close(r.ready)
	}
	return r
}

// arrived notes that something is there, which need not be required. It does
// not block.
func (r *readiness) arrived(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.missing[name] {
		return
	}
	if delete(r.missing, name); len(r.missing) == 0 {
		close(r.ready)
	}
}

// waiting names what is missing, sorted.
func (r *readiness) waiting() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.missing))
}
