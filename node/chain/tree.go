package chain

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// tree holds all known headers. Its lock is held for moments only.
type tree struct {
	writing sync.Mutex // held while changes are written; before mu

	mu    sync.RWMutex
	nodes map[chainhash.Hash]*BlockNode
	dirty map[*BlockNode]struct{} // to be written to the index

	// assumed is the set that the chain begins with; nil for one of its own.
	assumed *consensus.AssumedSet

	// refused is the node with the most work of those that failed, nil if none did.
	refused atomic.Pointer[BlockNode]
}

// noteRefused is called with every node that has failed, by who writes.
func (t *tree) noteRefused(n *BlockNode) {
	if most := t.refused.Load(); most == nil || n.Work.Cmp(most.Work) > 0 {
		t.refused.Store(n)
	}
}

func newTree() *tree {
	return &tree{nodes: map[chainhash.Hash]*BlockNode{}, dirty: map[*BlockNode]struct{}{}}
}

func (t *tree) lookup(hash chainhash.Hash) *BlockNode {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.nodes[hash]
}

func (t *tree) add(n *BlockNode) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nodes[n.Hash] = n
	t.dirty[n] = struct{}{}
}

// change runs fn on n under the lock and marks it to be written.
func (t *tree) change(n *BlockNode, fn func(*BlockNode)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fn(n)
	t.dirty[n] = struct{}{}
}

// Info is what may change about a node.
type Info struct {
	HaveBlock    bool
	HaveUndo     bool
	Failed       bool // it or an ancestor is invalid
	ValidTxs     bool // all rules passed but those that need the UTXO set
	ValidScripts bool // it was connected once
	TxCount      int32
	ChainTx      int64 // transactions of the branch; zero if a block is missing
}

func (t *tree) info(n *BlockNode) Info {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return Info{
		HaveBlock: n.status&haveBlock != 0, HaveUndo: n.status&haveUndo != 0,
		Failed: n.status&failed != 0, ValidTxs: n.status&validTxs != 0,
		ValidScripts: n.status&validScripts != 0, TxCount: n.txCount, ChainTx: n.chainTx,
	}
}

// each calls fn for all nodes, in no order.
func (t *tree) each(fn func(*BlockNode)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, n := range t.nodes {
		fn(n)
	}
}

// recount computes anew which branches are complete, after blocks were lost.
func (t *tree) recount() {
	t.mu.Lock()
	defer t.mu.Unlock()
	nodes := make([]*BlockNode, 0, len(t.nodes))
	for _, n := range t.nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *BlockNode) int { return int(a.Height - b.Height) })
	for _, n := range nodes {
		t.count(n)
	}
}

// count computes how many transactions the branch up to a block has; zero if
// one of its blocks was never seen.
func (t *tree) count(n *BlockNode) {
	n.chainTx = 0
	switch {
	case n.txCount > 0 && (n.Parent == nil || n.Parent.chainTx > 0):
		n.chainTx = int64(n.txCount)
		if n.Parent != nil {
			n.chainTx += n.Parent.chainTx
		}
	case t.assumed != nil && n.Hash == t.assumed.Block:
		n.chainTx = t.assumed.ChainTx
	}
}
