package privatebroadcast

import (
	"cmp"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Info tells of one transaction.
type Info struct {
	Tx    *consensus.Tx
	Since time.Time // when it was added
	Left  int       // how many more attempts there may be
	Sent  []Sent
}

// Sent is a peer that a transaction was sent to.
type Sent struct {
	Address string
	At      time.Time
	// Confirmed is when the peer answered what came after the transaction; zero if it
	// has not.
	Confirmed time.Time
}

// Infos lists the transactions in the order in which they were added.
func (q *Queue) Infos() []Info {
	q.mu.Lock()
	defer q.mu.Unlock()
	infos := make([]Info, 0, len(q.txs))
	for _, tx := range q.list(func(*entry) bool { return true }) {
		e := q.txs[tx.WitnessID]
		info := Info{Tx: tx, Since: e.since, Left: MaxAttempts - len(e.attempts)}
		for _, a := range e.attempts {
			info.Sent = append(info.Sent, Sent{a.address, a.picked, a.confirmed})
		}
		infos = append(infos, info)
	}
	return infos
}

// Abort forgets the transactions of a txid or wtxid, and returns them.
func (q *Queue) Abort(id chainhash.Hash) []*consensus.Tx {
	q.mu.Lock()
	defer q.mu.Unlock()
	txs := q.list(func(e *entry) bool { return e.tx.ID == id || e.tx.WitnessID == id })
	for _, tx := range txs {
		q.remove(tx.WitnessID)
	}
	return txs
}

// list returns the transactions that match, the oldest first. The lock is held.
func (q *Queue) list(match func(*entry) bool) []*consensus.Tx {
	var entries []*entry
	for _, e := range q.txs {
		if match(e) {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.number, b.number) })
	txs := make([]*consensus.Tx, len(entries))
	for i, e := range entries {
		txs[i] = e.tx
	}
	return txs
}
