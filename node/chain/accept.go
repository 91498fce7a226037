package chain

import (
	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// keepNear is how far above the tip an unrequested block may be.
const keepNear = 288

// AcceptBlock adds a block's header to the tree, verifies the block as far as
// that is possible without the UTXO set, and stores it. isNew tells that it
// was stored. A block that is not requested is ignored unless it could become
// the tip soon. Call Advance afterwards.
func (e *storage) AcceptBlock(b *consensus.Block, requested bool, now int64) (n *BlockNode, isNew bool, err error) {
	n, err = e.place(b, now)
	if err != nil || !e.wanted(n, requested) {
		return n, false, err
	}
	if err := e.checkPlaced(n, b); err != nil {
		return n, false, err
	}
	if err := e.cfg.Room(int64(len(b.Raw))); err != nil {
		return n, true, err
	}
	pos, err := e.cfg.Blocks.AppendBlock(b.Raw)
	if err != nil {
		return n, true, err
	}
	e.noteBlock(n, b, pos)
	return n, true, nil
}

// place verifies what needs no context and adds the header to the tree.
func (e *branches) place(b *consensus.Block, now int64) (*BlockNode, error) {
	// A block that breaks these rules does not even add its header.
	if err := consensus.CheckBlock(b, e.params); err != nil {
		return nil, err
	}
	n, _, err := e.acceptHeader(&b.Header, now)
	e.noteBestHeader()
	return n, err
}

// checkPlaced verifies what follows from a block's place in the chain.
func (e *branches) checkPlaced(n *BlockNode, b *consensus.Block) error {
	at := consensus.Context{Height: n.Height}
	if n.Parent != nil {
		at.MedianTime = n.Parent.MedianTime()
	}
	err := consensus.CheckPlaced(b, at, e.params)
	if err != nil {
		e.condemn(n, err)
	}
	return err
}

func (e *branches) wanted(n *BlockNode, requested bool) bool {
	info, tip := e.Info(n), e.current.Tip()
	if info.HaveBlock {
		return false
	}
	return requested || info.TxCount == 0 && n.Work.Cmp(tip.Work) >= 0 &&
		n.Height <= tip.Height+keepNear && n.Work.Cmp(e.params.MinimumWork) >= 0
}

// condemn marks a header invalid, unless the block is merely not its block.
func (e *branches) condemn(n *BlockNode, err error) {
	if reject := asReject(err); reject != nil && reject.Result != consensus.Mutated {
		e.markFailed(n)
	}
}

// noteBlock notes where a block is stored.
func (e *storage) noteBlock(n *BlockNode, b *consensus.Block, pos blockfile.Pos) {
	e.tree.change(n, func(n *BlockNode) {
		n.status |= haveBlock | validTxs
		n.txCount = int32(len(b.Txs))
		n.block = pos
	})
	e.files.add(n)
	e.recent.add(n, b)
	e.linkData(n)
}

// linkData makes a block whose ancestors are all there a candidate, and then
// those that waited for it.
func (e *branches) linkData(n *BlockNode) {
	if n.Parent != nil && n.Parent.chainTx == 0 {
		e.await(n)
		return
	}
	for queue := []*BlockNode{n}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		e.tree.change(n, func(n *BlockNode) {
			n.chainTx = int64(n.txCount)
			if n.Parent != nil {
				n.chainTx += n.Parent.chainTx
			}
			if n.seq != 0 { // else it is in the best chain already, by way of an assumed set
				n.seq = e.nextSeq
			}
		})
		e.nextSeq++
		if !better(e.current.Tip(), n) {
			e.candidates[n] = struct{}{}
		}
		queue = append(queue, e.waiting[n]...)
		delete(e.waiting, n)
	}
}
