package ledger

import (
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// CoinbaseMaturity is how many blocks must be on top of a coinbase's before
// it can be spent, plus one for its own.
const CoinbaseMaturity = 100

// Block is where a transaction is confirmed.
type Block struct {
	Hash   chainhash.Hash
	Height int32
	Time   int64 // of the header, Unix seconds
	Index  int   // of the transaction in the block
}

// Tx is a transaction that concerns the wallet.
type Tx struct {
	Msg       *wire.MsgTx
	Hash      chainhash.Hash // txid
	Block     *Block         // nil while unconfirmed
	InMempool bool           // meaningful while unconfirmed
	Received  int64          // when the wallet first saw it, Unix seconds
	Own       bool           // the wallet made it
}

// active reports whether the transaction counts.
func (t *Tx) active() bool { return t.Block != nil || t.InMempool }

// IsCoinbase reports whether it is a block's first transaction.
func (t *Tx) IsCoinbase() bool {
	return len(t.Msg.TxIn) == 1 && t.Msg.TxIn[0].PreviousOutPoint.Index == wire.MaxPrevOutIndex &&
		t.Msg.TxIn[0].PreviousOutPoint.Hash == chainhash.Hash{}
}

// Ledger is a wallet's books.
type Ledger struct {
	tip    int32
	mine   func(script []byte) (change, ok bool)
	txs    map[chainhash.Hash]*Tx
	spends map[wire.OutPoint][]chainhash.Hash // of our outputs, by the transactions we know
}

// New makes empty books. mine tells whether a script is the wallet's and of
// its change branch.
func New(mine func(script []byte) (change, ok bool)) *Ledger {
	return &Ledger{mine: mine, txs: map[chainhash.Hash]*Tx{}, spends: map[wire.OutPoint][]chainhash.Hash{}}
}

// SetTip tells the height that confirmations count from.
func (l *Ledger) SetTip(height int32) { l.tip = height }

// Tip is what SetTip was told.
func (l *Ledger) Tip() int32 { return l.tip }

// Put enters a transaction, or its new place, and returns the entry. A place
// in a block wins over one in the mempool.
func (l *Ledger) Put(t Tx) *Tx {
	known, ok := l.txs[t.Hash]
	if !ok {
		entry := t
		l.txs[t.Hash] = &entry
		for _, in := range t.Msg.TxIn {
			l.spends[in.PreviousOutPoint] = append(l.spends[in.PreviousOutPoint], t.Hash)
		}
		return &entry
	}
	switch {
	case t.Block != nil:
		known.Block, known.InMempool = t.Block, false
	case known.Block == nil:
		known.InMempool = t.InMempool
	}
	known.Own = known.Own || t.Own
	return known
}

// LeaveMempool notes that a transaction is no longer in the mempool; it
// returns nil if the wallet does not know it.
func (l *Ledger) LeaveMempool(hash chainhash.Hash) *Tx {
	t := l.txs[hash]
	if t != nil {
		t.InMempool = false
	}
	return t
}

// Rewind takes back the confirmations above a height and returns the
// transactions concerned.
func (l *Ledger) Rewind(height int32) []*Tx {
	var changed []*Tx
	for _, t := range l.txs {
		if t.Block != nil && t.Block.Height > height {
			t.Block = nil
			changed = append(changed, t)
		}
	}
	return changed
}

// Get returns a transaction, nil if it is unknown.
func (l *Ledger) Get(hash chainhash.Hash) *Tx { return l.txs[hash] }

// Confirmations of a transaction: negative if a confirmed one conflicts with
// it, as deep as that one is.
func (l *Ledger) Confirmations(t *Tx) int32 {
	if t.Block != nil {
		return l.tip - t.Block.Height + 1
	}
	deepest := int32(0)
	for _, rival := range l.Conflicts(t) {
		if r := l.txs[rival]; r.Block != nil {
			deepest = max(deepest, l.tip-r.Block.Height+1)
		}
	}
	return -deepest
}

// Conflicts returns the other known transactions that spend an output that t
// spends, without duplicates, in a stable order.
func (l *Ledger) Conflicts(t *Tx) []chainhash.Hash {
	var rivals []chainhash.Hash
	for _, in := range t.Msg.TxIn {
		for _, spender := range l.spends[in.PreviousOutPoint] {
			if spender != t.Hash && !slices.Contains(rivals, spender) {
				rivals = append(rivals, spender)
			}
		}
	}
	slices.SortFunc(rivals, func(a, b chainhash.Hash) int { return slices.Compare(a[:], b[:]) })
	return rivals
}

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
		if a.Block.Height != b.Block.Height {
			return int(a.Block.Height - b.Block.Height)
		}
		return a.Block.Index - b.Block.Index
	case a.Block != nil:
		return -1
	case b.Block != nil:
		return 1
	case a.Received != b.Received:
		if a.Received < b.Received {
			return -1
		}
		return 1
	}
	return slices.Compare(a.Hash[:], b.Hash[:])
}

// Unconfirmed returns the wallet's own transactions that are in no block and
// that no confirmed one conflicts with: they deserve to be sent again.
func (l *Ledger) Unconfirmed() []*Tx {
	var list []*Tx
	for _, t := range l.All() {
		if t.Own && t.Block == nil && l.Confirmations(t) == 0 {
			list = append(list, t)
		}
	}
	return list
}

// Forget removes a transaction that never left the wallet.
func (l *Ledger) Forget(hash chainhash.Hash) {
	t := l.txs[hash]
	if t == nil {
		return
	}
	delete(l.txs, hash)
	for _, in := range t.Msg.TxIn {
		rest := slices.DeleteFunc(l.spends[in.PreviousOutPoint], func(h chainhash.Hash) bool { return h == hash })
		if len(rest) == 0 {
			delete(l.spends, in.PreviousOutPoint)
		} else {
			l.spends[in.PreviousOutPoint] = rest
		}
	}
}
