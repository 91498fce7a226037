package ledger

import (
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// All returns the transactions in the order of their lives: confirmed ones by
// place, then unconfirmed ones by when they were seen.
func (l *Ledger) All() []*Tx {
	list := make([]*Tx, 0, len(l.txs))
	for _, t := range l.txs {
		list = append(list, t)
	}
	slices.SortFunc(list, compareLives)
	return list
}

func compareLives(a, b *Tx) int {
	switch {
	case a.Block != nil && b.Block != nil:
		return cmp.Or(cmp.Compare(a.Block.Height, b.Block.Height), cmp.Compare(a.Block.Index, b.Block.Index))
	case a.Block != nil:
		return -1
	case b.Block != nil:
		return 1
	}
	return cmp.Or(cmp.Compare(a.Received, b.Received), slices.Compare(a.Hash[:], b.Hash[:]))
}

// Pooled returns the transactions that are Inside or Leaving, in no order.
func (l *Ledger) Pooled() []*Tx {
	var list []*Tx
	for _, t := range l.txs {
		if t.Pool != Outside {
			list = append(list, t)
		}
	}
	return list
}

// Unsent returns the wallet's own transactions that are in no block and not in
// the mempool, and may yet be: they deserve to be sent again. Parents come
// before their children.
func (l *Ledger) Unsent() []*Tx {
	s := l.standing()
	wanted := map[chainhash.Hash]*Tx{}
	var byAge []*Tx
	for _, t := range l.All() {
		if t.Own && t.Block == nil && t.Pool == Outside && s.mayConfirm(t) {
			wanted[t.Hash] = t
			byAge = append(byAge, t)
		}
	}
	var list []*Tx
	var visit func(t *Tx)
	visit = func(t *Tx) {
		if t == nil || wanted[t.Hash] == nil {
			return
		}
		delete(wanted, t.Hash)
		for _, in := range t.Msg.TxIn {
			visit(wanted[in.PreviousOutPoint.Hash])
		}
		list = append(list, t)
	}
	for _, t := range byAge {
		visit(t)
	}
	return list
}
