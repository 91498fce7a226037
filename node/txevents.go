package node

import (
	"context"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// onMempool hears the mempool, in the owner's goroutine.
func (n *node) onMempool(ev mempool.Event) {
	switch ev := ev.(type) {
	case mempool.Added:
		n.onAdded(ev)
	case mempool.Removed:
		n.onRemoved(ev)
	}
}

func (n *node) onAdded(ev mempool.Added) {
	n.publishTx(msg.TxAdded, ev.Entry, ev.Sequence, "")
	n.watch.added(n, ev)
	peer := n.sharing.senderOf(ev.Entry.Tx.WitnessID)
	if ev.Entry.Sequence == 0 {
		peer = fromBlock
	}
	announced := msg.TxsAnnouncedEvent{Txs: []msg.TxAnnouncement{announcement(ev.Entry, peer)}}
	n.out.send(func(ctx context.Context, conn *bus.Conn) error { return msg.TxsAnnounced.Publish(ctx, conn, announced) })
}

func (n *node) onRemoved(ev mempool.Removed) {
	n.publishTx(msg.TxRemoved, ev.Entry, ev.Sequence, string(ev.Reason))
	n.watch.removed(n, ev.Entry, string(ev.Reason))
	if ev.By != nil {
		n.log.With("cat", "mempool").Debug(fmt.Sprintf("replacing mempool tx %s (wtxid=%s, fees=%d, vsize=%d). New tx %s (wtxid=%s, fees=%d, vsize=%d)",
			ev.Entry.Tx.ID, ev.Entry.Tx.WitnessID, ev.Entry.Fee, ev.Entry.VSize, ev.By.Tx.ID, ev.By.Tx.WitnessID, ev.By.Fee, ev.By.VSize))
	}
}

func announcement(e *mempool.Entry, peer int64) msg.TxAnnouncement {
	return msg.TxAnnouncement{Txid: e.Tx.ID, Wtxid: e.Tx.WitnessID, FeeRate: e.Fee * 1000 / e.VSize, Peer: peer}
}

func (n *node) publishTx(topic bus.Topic[msg.TxEvent], e *mempool.Entry, sequence uint64, reason string) {
	if !n.cfg.Events {
		return
	}
	ev := msg.TxEvent{
		Seq: n.out.next(), Txid: e.Tx.ID, Wtxid: e.Tx.WitnessID, MempoolSeq: sequence, Fee: e.Fee, VSize: e.VSize,
		Reason: reason, Frames: bus.Frames{Attached: [][]byte{e.Tx.Raw()}},
	}
	n.out.send(func(ctx context.Context, conn *bus.Conn) error { return topic.Publish(ctx, conn, ev) })
}
