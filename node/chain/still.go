package chain

import (
	"sync"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// ErrFar means that the engine's UTXO set is so far from the best chain's, in a
// long reorganisation, that it is not remembered what that was.
const ErrFar Kind = "chain: a long reorganisation is under way"

// maxLeadBytes bounds the blocks that are remembered; pipelines stay far below.
const maxLeadBytes = 2 * maxPendingBytes

// move is one block by which the engine's UTXO set moves.
type move struct {
	node  *Node
	block *consensus.Block
	undo  coins.Undo // what the block spends; nil if it is disconnected
	back  bool
}

// lead is what the UTXO set has gone through since it was that of View: blocks
// whose scripts run, or a part of a reorganisation.
//
// Invariant: a move is in the list before the set makes it, until View has made
// it too or the set has taken it back.
type lead struct {
	mu    sync.RWMutex // held while View or the list changes
	moves []move
	bytes int
	far   bool // moves are not remembered
}

// begin is called before the set moves.
func (l *lead) begin(m move) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes += len(m.block.Raw)
	if l.far = l.far || l.bytes > maxLeadBytes; l.far {
		l.moves = nil
		return
	}
	l.moves = append(l.moves, m)
}

// takenBack forgets the last moves, which the set has undone.
func (l *lead) takenBack(count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retain(0, len(l.moves)-count)
}

// caughtUp forgets all moves but the last ones: the set without those is that
// of View. The caller holds mu.
func (l *lead) caughtUp(count int) {
	l.far = l.far && count > 0
	l.retain(len(l.moves)-count, len(l.moves))
}

func (l *lead) retain(from, to int) {
	if l.far {
		return
	}
	l.moves = append([]move(nil), l.moves[from:to]...)
	l.bytes = 0
	for i := range l.moves {
		l.bytes += len(l.moves[i].block.Raw)
	}
}

// before returns a coin as it was before the first move that had to do with it.
func (l *lead) before(op wire.OutPoint) (coin coins.Coin, there, touched bool) {
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
	if int64(index) >= int64(len(tx.TxOut)) || coins.Unspendable(tx.TxOut[index].PkScript) {
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

// Still is the best chain and its UTXO set while nobody changes them.
type Still struct {
	*View
	lead *lead
}

// Coin returns a coin of the set, and whether there is one. It fails with
// ErrFar in a long reorganisation. A coinbase that another one is overwriting
// (BIP30) is not found.
func (s *Still) Coin(op wire.OutPoint) (coins.Coin, bool, error) {
	if s.lead.far {
		return coins.Coin{}, false, ErrFar
	}
	if coin, there, touched := s.lead.before(op); touched {
		return coin, there, nil
	}
	return s.coins.Get(op)
}

// Still runs fn while neither View changes nor what the Sink changes on a
// TipChanged. It does not wait for blocks that are under way, nor they for fn;
// but what has become of them waits, so fn must be quick. It may be called from
// anywhere but the Sink.
func (e *Engine) Still(fn func(*Still) error) error {
	e.lead.mu.RLock()
	defer e.lead.mu.RUnlock()
	return fn(&Still{e.View(), &e.lead})
}

// show makes next the view. The moves that are still under way are those of
// the pipeline.
func (e *Engine) show(next, old *View, fork *Node) {
	e.lead.mu.Lock()
	defer e.lead.mu.Unlock()
	e.view.Store(next)
	e.lead.caughtUp(len(e.pipeline.blocks))
	e.emit(TipChanged{Tip: next.Tip(), Old: old.Tip(), Fork: fork, Initial: next.Initial})
}

// back tells that the set is that of View again.
func (e *Engine) back() {
	e.lead.mu.Lock()
	defer e.lead.mu.Unlock()
	e.lead.caughtUp(0)
}
