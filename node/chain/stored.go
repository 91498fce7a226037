package chain

import (
	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// AcceptStored is AcceptBlock for a block that is in a block file already, for
// making the index anew. A block whose content is not what its header commits
// to is refused without adding that.
func (e *storage) AcceptStored(b *consensus.Block, pos blockfile.Pos, now int64) (n *BlockNode, isNew bool, err error) {
	if b.Hash == *e.params.GenesisHash {
		return e.adoptGenesis(pos)
	}
	if err := checkContent(b); err != nil {
		return nil, false, err
	}
	n, err = e.place(b, now)
	if err != nil || e.Info(n).HaveBlock {
		return n, false, err
	}
	if err := e.checkPlaced(n, b); err != nil {
		return n, false, err
	}
	e.noteBlock(n, b, pos)
	return n, true, nil
}

func (e *storage) adoptGenesis(pos blockfile.Pos) (n *BlockNode, isNew bool, err error) {
	n = e.tree.lookup(*e.params.GenesisHash)
	if e.Info(n).HaveBlock {
		return n, false, nil
	}
	e.tree.change(n, func(n *BlockNode) {
		n.status |= haveBlock
		n.block = pos
	})
	e.files.add(n)
	return n, true, nil
}

// EndStored ends the making of the index: a genesis block that was in no file
// is written.
func (e *storage) EndStored() error {
	n := e.tree.lookup(*e.params.GenesisHash)
	if e.Info(n).HaveBlock {
		return nil
	}
	pos, err := e.cfg.Blocks.AppendBlock(e.genesis().Raw)
	if err == nil {
		_, _, err = e.adoptGenesis(pos)
	}
	return err
}
