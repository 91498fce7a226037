package watch

import (
	"context"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// Chain is what a scan reads. Every method may be called at any time.
type Chain interface {
	View() *chain.View
	Background() *chain.Background // nil unless blocks below a loaded UTXO set are missing
	Lookup(chainhash.Hash) *chain.BlockNode
	ReadBlock(*chain.BlockNode) (*consensus.Block, error)
	ReadUndo(*chain.BlockNode) (coins.Undo, error)
}

// Pool is the mempool.
type Pool interface {
	Entries() (entries []*mempool.Entry, sequence uint64)
	Get(txid chainhash.Hash) *mempool.Entry
}

// Source is where transactions are found.
type Source struct {
	Chain Chain
	Pool  Pool
	// Coin returns an unspent output of the chain.
	Coin func(wire.OutPoint) (coin coins.Coin, there bool, err error)
	// Frozen runs fn while neither chain nor mempool changes.
	Frozen func(ctx context.Context, fn func() error) error
}

// Watch serves wallets.
type Watch struct {
	registry registry
	publish  func(instance string, ev msg.WatchedTxEvent)
	source   Source
}

// New returns a Watch that knows of no wallet. publish brings an event to an
// instance.
func New(publish func(instance string, ev msg.WatchedTxEvent)) *Watch {
	return &Watch{registry: newRegistry(), publish: publish}
}

// Handle offers msg.WatchScripts, msg.ScanBlocks and msg.WatchedMempool.
func (w *Watch) Handle(mux *bus.Mux, source Source) {
	w.source = source
	msg.WatchScripts.Handle(mux, func(ctx context.Context, req msg.WatchRequest) (bus.None, error) {
		if err := check(req); err != nil {
			return bus.None{}, err
		}
		return bus.None{}, w.registry.add(bus.CallerFrom(ctx).Instance, req.Scripts)
	})
	msg.ScanBlocks.Handle(mux, w.scan)
	msg.WatchedMempool.Handle(mux, w.list)
}

// Instances names those who watch anything.
func (w *Watch) Instances() []string { return w.registry.instances() }

// Gone forgets an instance whose link has ended.
func (w *Watch) Gone(instance string) { w.registry.gone(instance) }

// Added tells of a transaction that has entered the mempool.
func (w *Watch) Added(ev mempool.Added) {
	w.tell(w.registry.added(ev.Entry.Tx, ev.Spent), ev.Entry, true, "")
}

// Removed tells of one that has left it.
func (w *Watch) Removed(ev mempool.Removed) {
	w.tell(w.registry.removed(ev.Entry.Tx.ID), ev.Entry, false, string(ev.Reason))
}

func (w *Watch) tell(n notice, e *mempool.Entry, added bool, reason string) {
	for i, instance := range n.instances {
		w.publish(instance, msg.WatchedTxEvent{
			Txid: e.Tx.ID, Added: added, Reason: reason, Time: e.Time, Seq: n.first + uint64(i),
			Frames: bus.Frames{Attached: [][]byte{e.Tx.Raw()}},
		})
	}
}
