package chain

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// warmAhead is how far above the tip a block may be whose coins are fetched
// when it arrives: its turn comes while they are still in memory.
const warmAhead = 2 * maxPending

// Warm brings the coins that a block spends into memory, if its turn to be
// connected is near. It may be called at any time from anywhere, and takes none
// of the engine's time. Whatever fails will fail again when the turn comes.
func (e *Engine) Warm(b *consensus.Block) {
	view, parent := e.View(), e.Lookup(b.Header.PrevBlock)
	if parent == nil || parent.Height < view.Height() || parent.Height >= view.Height()+warmAhead {
		return
	}
	if view.coins.Size() < e.cacheLimit() {
		_ = fetch(view.coins, b)
	}
}

// fetch brings the coins that a block spends into memory, with one look at the
// store.
func fetch(set *coins.Cache, b *consensus.Block) error {
	if set.Whole() {
		return nil
	}
	return set.Prefetch(spends(b))
}

// spends returns the coins of other blocks that a block spends.
func spends(b *consensus.Block) []wire.OutPoint {
	ops := make([]wire.OutPoint, 0, 2*len(b.Txs))
	created := make(map[chainhash.Hash]struct{}, len(b.Txs))
	for _, tx := range b.Txs[1:] {
		for _, in := range tx.TxIn {
			if _, within := created[in.PreviousOutPoint.Hash]; !within {
				ops = append(ops, in.PreviousOutPoint)
			}
		}
		created[tx.ID] = struct{}{}
	}
	return ops
}

// blockOf returns a block that is to be connected.
func (e *Engine) blockOf(n *Node) (*consensus.Block, error) { return e.load(n, e.recent.take(n)) }

// load reads a block, if it is not b, which is in memory.
func (e *Engine) load(n *Node, b *consensus.Block) (*consensus.Block, error) {
	if b == nil {
		var err error
		if b, err = e.ReadBlock(n); err != nil {
			return nil, fmt.Errorf("block %s: %w", n.Hash, err)
		}
	}
	return b, consensus.CheckBlock(b, e.params)
}

// scout gets the block ready whose turn is next, and its coins, while the one
// before it is being connected.
type scout struct {
	node  *Node
	block *consensus.Block
	err   error
	done  chan struct{}
}

// sendAhead returns a scout for n, who must be asked for the block or called
// back.
func (e *Engine) sendAhead(n *Node) *scout {
	s := &scout{node: n, done: make(chan struct{})}
	held, set := e.recent.take(n), e.coins
	go func() {
		defer close(s.done)
		if s.block, s.err = e.load(n, held); s.err == nil {
			_ = fetch(set, s.block) // what fails will fail again
		}
	}()
	return s
}

// get waits for the block.
func (s *scout) get() (*consensus.Block, error) {
	<-s.done
	return s.block, s.err
}

// turnOf returns the block that is to be connected next; a scout may have gone
// ahead for it.
func (e *Engine) turnOf(n *Node, ahead *scout) (*consensus.Block, error) {
	if ahead == nil {
		return e.blockOf(n)
	}
	return ahead.get()
}

// callBack ends the search for a block whose turn has not come after all.
func (e *Engine) callBack(s *scout) {
	if s == nil {
		return
	}
	if b, err := s.get(); err == nil {
		e.recent.add(s.node, b)
	}
}
