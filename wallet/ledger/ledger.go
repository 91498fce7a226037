package ledger

import (
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Block is where a transaction is confirmed.
type Block struct {
	Hash   chainhash.Hash
	Height int32
	Time   int64 // of the header, Unix seconds
	Index  int   // of the transaction in the block
}

// PoolState is what is known of a transaction and the node's mempool.
type PoolState uint8

// The states.
const (
	Outside PoolState = iota // not in the mempool
	Inside                   // in the mempool
	// Leaving is for a transaction that a block may have taken from the
	// mempool, or the mempool from a block, which the wallet has not scanned
	// yet: it counts until a scan has found it or not.
	Leaving
)

// Tx is a transaction that concerns the wallet.
type Tx struct {
	Msg       *wire.MsgTx
	Hash      chainhash.Hash // txid
	Block     *Block         // nil while it is in no block of the scanned chain
	Pool      PoolState
	Received  int64 // when the wallet first saw it, Unix seconds
	Own       bool  // the wallet made it
	Abandoned bool  // the user has given it up
}

// IsCoinbase reports whether it is a block's first transaction.
func (t *Tx) IsCoinbase() bool {
	return len(t.Msg.TxIn) == 1 && isNull(t.Msg.TxIn[0].PreviousOutPoint)
}

// isNull reports whether an outpoint is the one that all coinbases have in
// common, which is no output.
func isNull(point wire.OutPoint) bool {
	return point.Index == wire.MaxPrevOutIndex && point.Hash == chainhash.Hash{}
}

// Ledger is the transactions of a wallet.
type Ledger struct {
	tip    int32
	top    int32 // no transaction is confirmed above it
	mine   func(script []byte) (change, ok bool)
	txs    map[chainhash.Hash]*Tx
	spends map[wire.OutPoint][]chainhash.Hash // by the transactions we know
}

// New makes an empty ledger. mine tells whether a script is the wallet's and
// of its change branch.
func New(mine func(script []byte) (change, ok bool)) *Ledger {
	return &Ledger{mine: mine, top: -1, txs: map[chainhash.Hash]*Tx{}, spends: map[wire.OutPoint][]chainhash.Hash{}}
}

// SetTip tells the height that confirmations count from.
func (l *Ledger) SetTip(height int32) { l.tip = height }

// Len is the number of transactions.
func (l *Ledger) Len() int { return len(l.txs) }

// Add enters a transaction and returns the entry. One that is known stays as
// it is, but that it is the wallet's own if either says so.
func (l *Ledger) Add(t Tx) *Tx {
	if known, ok := l.txs[t.Hash]; ok {
		known.Own = known.Own || t.Own
		return known
	}
	entry := t
	l.txs[t.Hash] = &entry
	for _, in := range t.Msg.TxIn {
		if !isNull(in.PreviousOutPoint) {
			l.spends[in.PreviousOutPoint] = append(l.spends[in.PreviousOutPoint], t.Hash)
		}
	}
	if t.Block != nil {
		l.top = max(l.top, t.Block.Height)
	}
	return &entry
}

// Confirm notes the block that holds a transaction, and reports whether that
// is news.
func (l *Ledger) Confirm(t *Tx, block Block) bool {
	if t.Block != nil && *t.Block == block && !t.Abandoned {
		return false
	}
	t.Block, t.Abandoned = &block, false
	l.top = max(l.top, block.Height)
	return true
}

// SetPool notes where a transaction is in regard to the mempool. What is in it
// is not abandoned.
func (l *Ledger) SetPool(t *Tx, state PoolState) {
	t.Pool = state
	if state == Inside {
		t.Abandoned = false
	}
}

// Rewind takes back the confirmations above a height and returns the
// transactions concerned. They count as Leaving: the new branch may hold them.
func (l *Ledger) Rewind(height int32) []*Tx {
	if l.top <= height {
		return nil
	}
	var changed []*Tx
	for _, t := range l.txs {
		if t.Block == nil || t.Block.Height <= height {
			continue
		}
		t.Block = nil
		if t.Pool == Outside {
			t.Pool = Leaving
		}
		changed = append(changed, t)
	}
	l.top = height
	slices.SortFunc(changed, compareLives)
	return changed
}

// Get returns a transaction, nil if it is unknown.
func (l *Ledger) Get(hash chainhash.Hash) *Tx { return l.txs[hash] }

// Abandon gives up a transaction that is not confirmed and not in the mempool,
// with all that spend its outputs: their inputs may be spent otherwise. It
// returns what changed, nothing if the transaction cannot be abandoned.
func (l *Ledger) Abandon(t *Tx) []*Tx {
	if t.Block != nil || t.Pool != Outside || t.Abandoned {
		return nil
	}
	t.Abandoned = true
	changed := []*Tx{t}
	for i := range t.Msg.TxOut {
		for _, spender := range l.spends[wire.OutPoint{Hash: t.Hash, Index: uint32(i)}] {
			changed = append(changed, l.Abandon(l.txs[spender])...)
		}
	}
	return changed
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
