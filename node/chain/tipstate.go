package chain

import (
	"sync"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// ErrFar means that the engine's UTXO set is so far from the best chain's, in a
// long reorganisation, that it is not remembered what that was.
const ErrFar Kind = "chain: a long reorganisation is under way"

// maxUncommittedBytes bounds the blocks that are remembered; pipelines stay far below.
const maxUncommittedBytes = 2 * maxPendingBytes

// move is one block by which the engine's UTXO set moves.
type move struct {
	node  *BlockNode
	block *consensus.Block
	undo  coins.Undo // what the block spends; nil if it is disconnected
	back  bool
}

// uncommitted is what the UTXO set has gone through since it was that of Reader.View:
// blocks that the owner has not shown yet, blocks whose scripts run, or a part of
// a reorganisation. Moves are numbered.
//
// Invariant: a move is in the list before the set makes it, until View has made
// it too or the set has taken it back.
type uncommitted struct {
	mu    sync.RWMutex // held while View or the list changes
	moves []move       // the last ones up to number total
	total uint64       // of moves made, less those taken back
	shown uint64       // of those that View has made
	bytes int
	far   bool // moves are not remembered
}

// begin is called before the set moves.
func (l *uncommitted) begin(m move) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	l.bytes += len(m.block.Raw)
	if l.far = l.far || l.bytes > maxUncommittedBytes; l.far {
		l.moves = nil
		return
	}
	l.moves = append(l.moves, m)
}

// goneBack forgets the moves after a number, which the set has undone.
func (l *uncommitted) goneBack(to uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := int(l.total - to)
	l.total = to
	l.retain(0, len(l.moves)-gone)
}

// caughtUp forgets the moves up to a number: View has made them. The caller
// holds mu.
func (l *uncommitted) caughtUp(to uint64) {
	l.shown = to
	l.retain(len(l.moves)-int(l.total-to), len(l.moves))
}

func (l *uncommitted) retain(from, to int) {
	if l.far {
		if l.total == l.shown {
			l.far, l.bytes = false, 0
		}
		return
	}
	l.moves = append([]move(nil), l.moves[from:to]...)
	l.bytes = 0
	for i := range l.moves {
		l.bytes += len(l.moves[i].block.Raw)
	}
}

// before returns a coin as it was before the first move that had to do with it.
func (l *uncommitted) before(op wire.OutPoint) (coin coins.Coin, there, touched bool) {
	for i := range l.moves {
		if coin, there, touched = l.moves[i].before(op); touched {
			return coin, there, true
		}
	}
	return coins.Coin{}, false, false
}

func (m *move) before(op wire.OutPoint) (coin coins.Coin, there, touched bool) {
	for i, tx := range m.block.Txs {
		if tx.ID == op.Hash {
			if m.back {
				coin, there = m.left(i, op.Index)
			}
			return coin, there, true
		}
		for j, in := range tx.TxIn {
			switch {
			case i == 0 || in.PreviousOutPoint != op:
			case m.back:
				return coin, false, true
			default:
				return m.undo[i-1][j], true, true
			}
		}
	}
	return coin, false, false
}

// left returns the coin that the block leaves behind of an output of its i-th
// transaction.
func (m *move) left(i int, index uint32) (coin coins.Coin, there bool) {
	tx := m.block.Txs[i]
	if int64(index) >= int64(len(tx.TxOut)) || output.Unspendable(tx.TxOut[index].PkScript) {
		return coin, false
	}
	op := wire.OutPoint{Hash: tx.ID, Index: index}
	for _, later := range m.block.Txs[i+1:] {
		for _, in := range later.TxIn {
			if in.PreviousOutPoint == op {
				return coin, false
			}
		}
	}
	out := tx.TxOut[index]
	return coins.Coin{Value: out.Value, Script: out.PkScript, Height: m.node.Height, Coinbase: i == 0}, true
}

// TipState is the best chain and its UTXO set while nobody changes them.
type TipState struct {
	*View
	uncommitted *uncommitted
}

// Coin returns a coin of the set, and whether there is one. It fails with
// ErrFar in a long reorganisation. A coinbase that another one is overwriting
// (BIP30) is not found.
func (s *TipState) Coin(op wire.OutPoint) (coins.Coin, bool, error) {
	if s.uncommitted.far {
		return coins.Coin{}, false, ErrFar
	}
	if coin, there, touched := s.uncommitted.before(op); touched {
		return coin, there, nil
	}
	return s.coins.Get(op)
}

// ReadTip runs fn while View does not change. It does not wait for blocks that
// are under way, nor they for fn; but what has become of them waits to be shown,
// so fn must be quick.
func (r *Reader) ReadTip(fn func(*TipState) error) error {
	r.uncommitted.mu.RLock()
	defer r.uncommitted.mu.RUnlock()
	return fn(&TipState{r.View(), &r.uncommitted})
}
