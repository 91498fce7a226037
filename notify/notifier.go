package notify

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// sender takes the frames of a message.
type sender interface{ Publish(frames [][]byte) }

// notifier is one topic on one address, with its own counter.
type notifier struct {
	Publication
	out   sender
	count uint32
}

// notifiers turns events into messages, in bitcoind's order.
type notifiers []*notifier

// wants reports whether any notifier publishes one of the topics.
func (n notifiers) wants(topics ...Topic) bool {
	for _, notifier := range n {
		for _, t := range topics {
			if notifier.Topic == t {
				return true
			}
		}
	}
	return false
}

func (n *notifier) send(body []byte) {
	counter := binary.LittleEndian.AppendUint32(nil, n.count)
	n.out.Publish([][]byte{[]byte(n.Topic), body, counter})
	n.count++
}

// tx tells of a transaction.
func (n notifiers) tx(txid chainhash.Hash, raw []byte) {
	for _, notifier := range n {
		switch notifier.Topic {
		case HashTx:
			notifier.send(reversed(txid))
		case RawTx:
			notifier.send(raw)
		}
	}
}

// tip tells of a new tip.
func (n notifiers) tip(hash chainhash.Hash, raw []byte) {
	for _, notifier := range n {
		switch notifier.Topic {
		case HashBlock:
			notifier.send(reversed(hash))
		case RawBlock:
			notifier.send(raw)
		}
	}
}

// sequence tells of a change by its label: C and D of blocks, A and R of
// transactions, which carry the mempool's sequence number.
func (n notifiers) sequence(hash chainhash.Hash, label byte, mempool ...uint64) {
	body := append(reversed(hash), label)
	for _, number := range mempool {
		body = binary.LittleEndian.AppendUint64(body, number)
	}
	for _, notifier := range n {
		if notifier.Topic == Sequence {
			notifier.send(body)
		}
	}
}

// added tells of a transaction that entered the mempool: each notifier, the
// transaction and then the change.
func (n notifiers) added(txid chainhash.Hash, raw []byte, mempool uint64) {
	n.tx(txid, raw)
	n.sequence(txid, 'A', mempool)
}

func reversed(h chainhash.Hash) []byte {
	b := make([]byte, len(h))
	for i := range h {
		b[len(h)-1-i] = h[i]
	}
	return b
}
