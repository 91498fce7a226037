package notify

import (
	"bytes"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// removedByBlock is the reason of a removal that is no news: the block is.
const removedByBlock = "block"

// heard publishes one event of the node.
func (n notifiers) heard(ev bus.Event) error {
	switch {
	case msg.BlockConnected.Matches(ev):
		e, err := msg.BlockConnected.Decode(ev)
		if err != nil {
			return err
		}
		return n.block(e, 'C')
	case msg.BlockDisconnected.Matches(ev):
		e, err := msg.BlockDisconnected.Decode(ev)
		if err != nil {
			return err
		}
		return n.block(e, 'D')
	case msg.NewTip.Matches(ev):
		e, err := msg.NewTip.Decode(ev)
		if err != nil || e.Initial {
			return err
		}
		raw, err := only(e.Attached)
		if err == nil {
			n.tip(e.Hash, raw)
		}
		return err
	case msg.TxAdded.Matches(ev):
		e, err := msg.TxAdded.Decode(ev)
		if err != nil {
			return err
		}
		raw, err := only(e.Attached)
		if err == nil {
			n.added(e.Txid, raw, e.MempoolSeq)
		}
		return err
	case msg.TxRemoved.Matches(ev):
		e, err := msg.TxRemoved.Decode(ev)
		if err == nil && e.Reason != removedByBlock {
			n.sequence(e.Txid, 'R', e.MempoolSeq)
		}
		return err
	}
	return nil
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
