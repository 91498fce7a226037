package notify

import (
	"bytes"
	"fmt"
	"log/slog"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// removedByBlock is the reason of a removal that is no news: the block is.
const removedByBlock = "block"

// hearing passes on what the node tells. It keeps the last block that was
// connected: when that becomes the tip, which is told next, it is published.
type hearing struct {
	notifiers
	fetch func(chainhash.Hash) ([]byte, error) // asks the node for a block
	hash  chainhash.Hash
	raw   []byte
}

// listener publishes what the node tells.
func (h *hearing) listener(log *slog.Logger) *bus.Listener {
	l := bus.NewListener()
	l.OnGap(func(lost uint64) error {
		log.Warn(fmt.Sprintf("zmq: lost %d events of the node", lost))
		return nil
	})
	l.OnFault(func(topic string, err error) { log.Warn(fmt.Sprintf("zmq: dropped an event: %s: %v", topic, err)) })
	msg.BlockConnected.On(l, h.connected)
	msg.BlockDisconnected.On(l, func(e msg.BlockEvent, _ bus.Meta) error { return h.block(e, 'D') })
	msg.NewTip.On(l, h.newTip)
	msg.TxAdded.On(l, h.txAdded)
	msg.TxRemoved.On(l, func(e msg.TxEvent, _ bus.Meta) error {
		if e.Reason != removedByBlock {
			h.sequence(e.Txid, 'R', e.MempoolSeq)
		}
		return nil
	})
	return l
}

func (h *hearing) connected(e msg.BlockEvent, _ bus.Meta) error {
	if !e.Initial && h.wants(RawBlock) {
		raw, err := only(e.Attached)
		if err != nil {
			return err
		}
		// The event's memory is the listener's again when this returns.
		h.hash, h.raw = e.Hash, bytes.Clone(raw)
	}
	return h.block(e, 'C')
}

func (h *hearing) newTip(e msg.TipEvent, _ bus.Meta) error {
	if e.Initial {
		return nil
	}
	raw := h.raw
	if e.Hash != h.hash && h.wants(RawBlock) {
		// Its event was lost.
		var err error
		if raw, err = h.fetch(e.Hash); err != nil {
			return err
		}
	}
	h.tip(e.Hash, raw)
	h.hash, h.raw = chainhash.Hash{}, nil
	return nil
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
