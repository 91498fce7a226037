package chain

import "github.com/bulkheadnode/bulkhead/node/consensus"

// recentLimit bounds the bytes of blocks kept in memory until their turn to be
// connected comes.
const recentLimit = 64 << 20

// recentBlocks spares reading back blocks that arrived out of order. When full
// it takes no more: those already there will be needed first.
type recentBlocks struct {
	blocks map[*BlockNode]*consensus.Block
	bytes  int
}

func (r *recentBlocks) add(n *BlockNode, b *consensus.Block) {
	if r.bytes+len(b.Raw) > recentLimit {
		return
	}
	if r.blocks == nil {
		r.blocks = map[*BlockNode]*consensus.Block{}
	}
	r.blocks[n] = b
	r.bytes += len(b.Raw)
}

// take returns a block and forgets it; nil if it is not there.
func (r *recentBlocks) take(n *BlockNode) *consensus.Block {
	b := r.blocks[n]
	if b != nil {
		r.bytes -= len(b.Raw)
		delete(r.blocks, n)
	}
	return b
}

// dropBelow forgets blocks that were not connected though their turn came.
func (r *recentBlocks) dropBelow(height int32) {
	for n := range r.blocks {
		if n.Height < height {
			r.take(n)
		}
	}
}
