package feed

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// batch holds the transactions that are to be announced to workers.
type batch struct {
	mu                sync.Mutex
	fresh             int // of the last ones, those that were not published yet
	inbound, outbound *limit
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
	return p2p.TxAnnouncement{Txid: e.Tx.ID, Wtxid: e.Tx.WitnessID, FeeRate: e.Fee * 1000 / e.VSize, Peer: peer, Sequence: e.Sequence + 1}
}

// Announce tells workers of a transaction of so many serialised bytes, with others
// that come within txInterval; later, if there are too many.
func (f *Feed) Announce(tx p2p.TxAnnouncement, size int) {
	f.batch.mu.Lock()
	next := waiting{tx, size, time.Now()}
	f.batch.inbound.add(next)
	f.batch.outbound.add(next)
	f.batch.fresh++
	full := f.batch.fresh >= p2p.MaxAnnounced
	f.batch.mu.Unlock()
	// A frozen clock does not wait for what comes by real time.
	f.txs.changed(!full && f.cfg.Clock.Mock() == 0)
}

// TxRates tells how much may be announced now.
func (f *Feed) TxRates() msg.TxRates {
	f.batch.mu.Lock()
	defer f.batch.mu.Unlock()
	return msg.TxRates{PerSecond: f.cfg.TxRate, Inbound: f.batch.inbound.state(), Outbound: f.batch.outbound.state()}
}

func (f *Feed) publishTxs() (again bool) {
	now := f.cfg.Clock.Now()
	f.batch.mu.Lock()
	in := f.batch.inbound.take(now)
	out := f.batch.outbound.take(now)
	f.batch.fresh = 0
	again = len(f.batch.inbound.backlog)+len(f.batch.outbound.backlog) > 0
	f.batch.mu.Unlock()
	if slices.Equal(in, out) {
		f.publishTo(p2p.AllPeers, in)
	} else {
		f.publishTo(p2p.InboundPeers, in)
		f.publishTo(p2p.OutboundPeers, out)
	}
	return again
}

// sortTxs puts in order what has to be before it is published. That takes long, and
// nobody waits for it.
func (f *Feed) sortTxs() {
	for _, l := range []*limit{f.batch.inbound, f.batch.outbound} {
		f.batch.mu.Lock()
		some := l.begin(f.cfg.Clock.Now())
		f.batch.mu.Unlock()
		if some == nil {
			continue
		}
		sorted := inOrder(some, f.cfg.Best)
		f.batch.mu.Lock()
		l.finish(len(some), sorted)
		f.batch.mu.Unlock()
	}
}

func (f *Feed) publishTo(whom p2p.Audience, txs []p2p.TxAnnouncement) {
	for some := range slices.Chunk(txs, p2p.MaxAnnounced) {
		ev := p2p.TxsAnnouncedEvent{Txs: some, To: whom}
		f.send(func(ctx context.Context, conn *bus.Conn) error { return msg.TxsAnnounced.Publish(ctx, conn, ev) })
	}
}

// WatchedTx tells an instance of a transaction that touches a script which it
// watches.
func (f *Feed) WatchedTx(instance string, ev msg.WatchedTxEvent) {
	f.send(func(ctx context.Context, conn *bus.Conn) error {
		return msg.WatchedTx.PublishTo(ctx, conn, instance, ev)
	})
}
