package chain

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// prefetchAhead is how far above the tip a block may be whose coins are fetched
// when it arrives: its turn comes while they are still in memory.
const prefetchAhead = 2 * maxPending

// PrefetchCoins brings the coins that a block spends into memory, if its turn to be
// connected is near. It may be called at any time from anywhere, and takes none
// of the engine's time. Whatever fails will fail again when the turn comes.
func (r *Reader) PrefetchCoins(b *consensus.Block) {
	view, parent := r.View(), r.Lookup(b.Header.PrevBlock)
	if parent == nil || parent.Height < view.Height() || parent.Height >= view.Height()+prefetchAhead {
		return
	}
	if view.coins.Size() < r.cacheLimit() {
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
func (e *connector) blockOf(n *BlockNode) (*consensus.Block, error) {
	return e.readChecked(n, e.recent.take(n))
}

// readChecked reads a block, if it is not b, which is in memory.
func (e *connector) readChecked(n *BlockNode, b *consensus.Block) (*consensus.Block, error) {
	if b == nil {
		var err error
		if b, err = e.ReadBlock(n); err != nil {
			return nil, fmt.Errorf("block %s: %w", n.Hash, err)
		}
	}
	return b, consensus.CheckBlock(b, e.params)
}

// prefetch gets the block ready whose turn is next, and its coins, while the
// one before it is being connected.
type prefetch struct {
	node  *BlockNode
	block *consensus.Block
	err   error
	done  chan struct{}
}

// prefetch begins to get a block ready. It is ended by turnOf or recall.
func (e *connector) prefetch(n *BlockNode) *prefetch {
	p := &prefetch{node: n, done: make(chan struct{})}
	held, set := e.recent.take(n), e.coins
	go func() {
		defer close(p.done)
		if p.block, p.err = e.readChecked(n, held); p.err == nil {
			_ = fetch(set, p.block) // what fails will fail again
		}
	}()
	return p
}

// turnOf returns the block that is to be connected next, which may have been
// prefetched.
func (e *connector) turnOf(n *BlockNode) (*consensus.Block, error) {
	if p := e.ahead; p != nil && p.node == n {
		e.ahead = nil
		<-p.done
		return p.block, p.err
	}
	e.recall()
	return e.blockOf(n)
}

// recall ends the prefetching of a block whose turn has not come.
func (e *connector) recall() {
	p := e.ahead
	if p == nil {
		return
	}
	e.ahead = nil
	if <-p.done; p.err == nil {
		e.recent.add(p.node, p.block)
	}
}
