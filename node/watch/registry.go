package watch

import (
	"maps"
	"slices"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Bounds of what one instance may watch.
const (
	maxScripts     = 2_000_000
	maxScriptBytes = 256 << 20
)

// registry remembers who watches what.
type registry struct {
	maxScripts, maxBytes int // of an instance

	mu       sync.RWMutex
	watchers map[string]*watcher // by instance
	// told says who knows of which transaction of the mempool, and so must hear
	// of its end.
	told map[chainhash.Hash][]string
	seq  uint64 // of the last event
}

// watcher is one instance.
type watcher struct {
	scripts map[string]struct{}
	bytes   int // of scripts
	// unlisted is what the list of the mempool that is being made has still to
	// look at; nil if none is.
	unlisted map[chainhash.Hash]struct{}
}

func newRegistry() registry {
	return registry{maxScripts: maxScripts, maxBytes: maxScriptBytes, watchers: map[string]*watcher{}, told: map[chainhash.Hash][]string{}}
}

// add makes an instance watch scripts. All or none are added.
func (r *registry) add(instance string, scripts [][]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.watchers[instance]
	if w == nil {
		w = &watcher{scripts: map[string]struct{}{}}
	}
	fresh, bytes := map[string]struct{}{}, w.bytes
	for _, script := range scripts {
		if _, known := w.scripts[string(script)]; known {
			continue
		}
		if _, twice := fresh[string(script)]; !twice {
			fresh[string(script)] = struct{}{}
			bytes += len(script)
		}
	}
	if len(w.scripts)+len(fresh) > r.maxScripts || bytes > r.maxBytes {
		return bus.Errorf(bus.KindOverloaded, "an instance may watch %d scripts of %d bytes together", r.maxScripts, r.maxBytes)
	}
	for script := range fresh {
		w.scripts[script] = struct{}{}
	}
	w.bytes = bytes
	r.watchers[instance] = w
	return nil
}

// instances names those who watch anything.
func (r *registry) instances() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Keys(r.watchers))
}

// watches reports whether an instance watches anything.
func (r *registry) watches(instance string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.watchers[instance] != nil
}

func (r *registry) gone(instance string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watchers, instance)
}

// relevant reports whether a transaction pays to, or spends from, a script
// that the instance watches. spent are the coins that it spends.
func (r *registry) relevant(instance string, tx *consensus.Tx, spent []coins.Coin) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.watchers[instance].touches(tx, spent)
}

func (w *watcher) touches(tx *consensus.Tx, spent []coins.Coin) bool {
	if w == nil || len(w.scripts) == 0 {
		return false
	}
	for _, out := range tx.TxOut {
		if _, ok := w.scripts[string(out.PkScript)]; ok {
			return true
		}
	}
	for i := range spent {
		if _, ok := w.scripts[string(spent[i].Script)]; ok {
			return true
		}
	}
	return false
}

// notice is an event and the instances that are to hear it.
type notice struct {
	instances []string
	first     uint64 // the number of the event for the first instance
}

// added notes a new transaction of the mempool.
func (r *registry) added(tx *consensus.Tx, spent []coins.Coin) notice {
	r.mu.Lock()
	defer r.mu.Unlock()
	var instances []string
	for instance, w := range r.watchers {
		if w.touches(tx, spent) {
			instances = append(instances, instance)
		}
	}
	if instances != nil {
		r.told[tx.ID] = instances
	}
	return r.number(instances)
}

// removed notes that a transaction has left the mempool.
func (r *registry) removed(txid chainhash.Hash) notice {
	r.mu.Lock()
	defer r.mu.Unlock()
	instances := r.told[txid]
	delete(r.told, txid)
	for _, w := range r.watchers {
		delete(w.unlisted, txid)
	}
	return r.number(instances)
}

func (r *registry) number(instances []string) notice {
	n := notice{instances: instances, first: r.seq + 1}
	r.seq += uint64(len(instances))
	return n
}

// beginList starts the list of the mempool for an instance, which may watch
// nothing yet, and returns the number of the last event. The mempool must not
// change meanwhile. endList ends it.
func (r *registry) beginList(instance string, txids []chainhash.Hash) (w *watcher, seq uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w = r.watchers[instance]
	if w == nil {
		w = &watcher{scripts: map[string]struct{}{}}
		r.watchers[instance] = w
	}
	if w.unlisted != nil {
		return nil, 0, bus.Errorf(bus.KindOverloaded, "a list of the mempool is being made already")
	}
	w.unlisted = make(map[chainhash.Hash]struct{}, len(txids))
	for _, txid := range txids {
		w.unlisted[txid] = struct{}{}
	}
	return w, r.seq, nil
}

// list takes a transaction into the list, and reports whether it belongs
// there: the instance watches it, and it has not left the mempool since.
func (r *registry) list(instance string, w *watcher, tx *consensus.Tx, spent []coins.Coin) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !w.touches(tx, spent) {
		return false
	}
	if _, there := w.unlisted[tx.ID]; !there {
		return false
	}
	delete(w.unlisted, tx.ID)
	if !slices.Contains(r.told[tx.ID], instance) {
		r.told[tx.ID] = append(r.told[tx.ID], instance)
	}
	return true
}

func (r *registry) endList(w *watcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.unlisted = nil
}

// check holds a request against its bounds.
func check(req msg.WatchRequest) error {
	bytes := 0
	for _, script := range req.Scripts {
		bytes += len(script)
	}
	if len(req.Scripts) > msg.MaxWatchScripts || bytes > msg.MaxWatchBytes {
		return bus.Errorf(bus.KindBadMessage, "%d scripts of %d bytes in one call", len(req.Scripts), bytes)
	}
	return nil
}
