package notify

import (
	"bytes"
	"fmt"
	"log/slog"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// removedByBlock is the reason of a removal that is no news: the block is.
const removedByBlock = "block"

// listener publishes what the node tells.
func (n notifiers) listener(log *slog.Logger) *bus.Listener {
	l := bus.NewListener()
	l.OnGap(func(lost uint64) { log.Warn(fmt.Sprintf("zmq: lost %d events of the node", lost)) })
	l.OnFault(func(topic string, err error) { log.Warn(fmt.Sprintf("zmq: dropped an event: %s: %v", topic, err)) })
	msg.BlockConnected.On(l, func(e msg.BlockEvent, _ bus.Meta) error { return n.block(e, 'C') })
	msg.BlockDisconnected.On(l, func(e msg.BlockEvent, _ bus.Meta) error { return n.block(e, 'D') })
	msg.NewTip.On(l, n.newTip)
	msg.TxAdded.On(l, n.txAdded)
	msg.TxRemoved.On(l, func(e msg.TxEvent, _ bus.Meta) error {
		if e.Reason != removedByBlock {
			n.sequence(e.Txid, 'R', e.MempoolSeq)
		}
		return nil
	})
	return l
}

func (n notifiers) newTip(e msg.BlockEvent, _ bus.Meta) error {
	if e.Initial {
		return nil
	}
	raw, err := only(e.Attached)
	if err == nil {
		n.tip(e.Hash, raw)
	}
	return err
}

func (n notifiers) txAdded(e msg.TxEvent, _ bus.Meta) error {
	raw, err := only(e.Attached)
	if err == nil {
		n.added(e.Txid, raw, e.MempoolSeq)
	}
	return err
}

// block publishes the transactions of a block and then the block, by label.
func (n notifiers) block(e msg.BlockEvent, label byte) error {
	if n.wants(HashTx, RawTx) {
		raw, err := only(e.Attached)
		if err != nil {
			return err
		}
		if err := n.transactions(raw); err != nil {
			return err
		}
	}
	n.sequence(e.Hash, label)
	return nil
}

func (n notifiers) transactions(raw []byte) error {
	var block wire.MsgBlock
	locations, err := block.DeserializeTxLoc(bytes.NewBuffer(raw))
	if err != nil {
		return fmt.Errorf("block of an event: %w", err)
	}
	for i, tx := range block.Transactions {
		at := locations[i]
		n.tx(tx.TxHash(), raw[at.TxStart:at.TxStart+at.TxLen])
	}
	return nil
}

func only(frames [][]byte) ([]byte, error) {
	if len(frames) != 1 {
		return nil, fmt.Errorf("event with %d attachments", len(frames))
	}
	return frames[0], nil
}
