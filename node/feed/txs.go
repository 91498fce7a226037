package feed

import (
	"context"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// batch holds the transactions that are to be announced to workers.
type batch struct {
	mu  sync.Mutex
	txs []p2p.TxAnnouncement
}

// TxAdded publishes that a transaction entered the mempool. sequence is the
// mempool's at that time.
func (f *Feed) TxAdded(e *mempool.Entry, sequence uint64) { f.tx(msg.TxAdded, e, sequence, "") }

// TxRemoved publishes that a transaction left the mempool, and why.
func (f *Feed) TxRemoved(e *mempool.Entry, sequence uint64, reason mempool.Reason) {
	f.tx(msg.TxRemoved, e, sequence, string(reason))
}

func (f *Feed) tx(topic bus.Topic[msg.TxEvent], e *mempool.Entry, sequence uint64, reason string) {
	if !f.cfg.Events {
		return
	}
	ev := msg.TxEvent{
		Seq: f.next(), Txid: e.Tx.ID, Wtxid: e.Tx.WitnessID, MempoolSeq: sequence, Fee: e.Fee, VSize: e.VSize,
		Reason: reason, Frames: bus.Frames{Attached: [][]byte{e.Tx.Raw()}},
	}
	f.send(func(ctx context.Context, conn *bus.Conn) error { return topic.Publish(ctx, conn, ev) })
}

// Announcement describes a transaction of the mempool to workers; peer is the
// number of its sender, or p2p.NoPeer, or p2p.FromBlock.
func Announcement(e *mempool.Entry, peer int64) p2p.TxAnnouncement {
	return p2p.TxAnnouncement{Txid: e.Tx.ID, Wtxid: e.Tx.WitnessID, FeeRate: e.Fee * 1000 / e.VSize, Peer: peer}
}

// Announce tells workers of a transaction, with others that come within
// txInterval.
func (f *Feed) Announce(tx p2p.TxAnnouncement) {
	f.batch.mu.Lock()
	f.batch.txs = append(f.batch.txs, tx)
	full := len(f.batch.txs) >= p2p.MaxAnnounced
	f.batch.mu.Unlock()
	f.txs.changed(!full)
}

func (f *Feed) publishTxs() {
	f.batch.mu.Lock()
	txs := f.batch.txs
	f.batch.txs = nil
	f.batch.mu.Unlock()
	if len(txs) == 0 {
		return
	}
	ev := p2p.TxsAnnouncedEvent{Txs: txs}
	f.send(func(ctx context.Context, conn *bus.Conn) error { return msg.TxsAnnounced.Publish(ctx, conn, ev) })
}

// WatchedTx tells an instance of a transaction that touches a script which it
// watches.
func (f *Feed) WatchedTx(instance string, ev msg.WatchedTxEvent) {
	f.send(func(ctx context.Context, conn *bus.Conn) error {
		return msg.WatchedTx.PublishTo(ctx, conn, instance, ev)
	})
}
