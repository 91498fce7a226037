package node

import (
	"slices"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// maxWatched bounds the scripts of one instance.
const maxWatched = 2_000_000

// watchers remembers which scripts wallets watch, as long as their links live.
type watchers struct {
	mu      sync.RWMutex
	scripts map[string]map[string]struct{} // by instance
	// pooled tells who heard of which transaction of the mempool, and so must
	// hear of its end.
	pooled map[chainhash.Hash][]string
}

func newWatchers() *watchers {
	return &watchers{scripts: map[string]map[string]struct{}{}, pooled: map[chainhash.Hash][]string{}}
}

func (w *watchers) add(instance string, scripts [][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	set := w.scripts[instance]
	if set == nil {
		set = map[string]struct{}{}
		w.scripts[instance] = set
	}
	if len(set)+len(scripts) > maxWatched {
		return bus.Errorf(bus.KindOverloaded, "an instance may watch %d scripts", maxWatched)
	}
	for _, script := range scripts {
		set[string(script)] = struct{}{}
	}
	return nil
}

func (w *watchers) gone(instance string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.scripts, instance)
}

// relevant reports whether a transaction pays to, or spends from, a script
// that the instance watches.
func (w *watchers) relevant(instance string, tx *consensus.Tx, spent []coins.Coin) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return touches(w.scripts[instance], tx, spent)
}

func touches(set map[string]struct{}, tx *consensus.Tx, spent []coins.Coin) bool {
	if len(set) == 0 {
		return false
	}
	for _, out := range tx.TxOut {
		if _, ok := set[string(out.PkScript)]; ok {
			return true
		}
	}
	for i := range spent {
		if _, ok := set[string(spent[i].Script)]; ok {
			return true
		}
	}
	return false
}

// concerned returns the instances to which a transaction matters.
func (w *watchers) concerned(tx *consensus.Tx, spent []coins.Coin) []string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	var instances []string
	for instance, set := range w.scripts {
		if touches(set, tx, spent) {
			instances = append(instances, instance)
		}
	}
	return instances
}

func (w *watchers) added(n *node, ev mempool.Added) {
	instances := w.concerned(ev.Entry.Tx, ev.Spent)
	if instances == nil {
		return
	}
	w.mu.Lock()
	w.pooled[ev.Entry.Tx.ID] = instances
	w.mu.Unlock()
	n.tellWatchers(instances, ev.Entry, true, "")
}

// note remembers that an instance knows of a transaction in the mempool.
func (w *watchers) note(instance string, txid chainhash.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.pooled[txid], instance) {
		w.pooled[txid] = append(w.pooled[txid], instance)
	}
}

func (w *watchers) removed(n *node, e *mempool.Entry, reason string) {
	w.mu.Lock()
	instances := w.pooled[e.Tx.ID]
	delete(w.pooled, e.Tx.ID)
	w.mu.Unlock()
	n.tellWatchers(instances, e, false, reason)
}

func (n *node) tellWatchers(instances []string, e *mempool.Entry, added bool, reason string) {
	for _, instance := range instances {
		ev := msg.WatchedTxEvent{
			Txid: e.Tx.ID, Added: added, Reason: reason, Time: e.Time,
			Frames: bus.Frames{Attached: [][]byte{e.Tx.Raw()}},
		}
		n.feed.WatchedTx(instance, ev)
	}
}

// spentBy finds the coins that a transaction of the mempool spends. Those
// that are gone are left out.
func (n *node) spentBy(tx *consensus.Tx) []coins.Coin {
	var spent []coins.Coin
	for _, in := range tx.TxIn {
		op := in.PreviousOutPoint
		if parent := n.owner.Pool().Get(op.Hash); parent != nil && int(op.Index) < len(parent.Tx.TxOut) {
			out := parent.Tx.TxOut[op.Index]
			spent = append(spent, coins.Coin{Value: out.Value, Script: out.PkScript})
			continue
		}
		if coin, there, err := n.owner.Chain().Coins().Get(op); err == nil && there {
			spent = append(spent, coin)
		}
	}
	return spent
}
