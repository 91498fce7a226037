package chain

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
)

// replay repeats the blocks between the two ends of an interrupted flush, and
// finishes it. Which of its coins were written does not matter: the final
// state of each coin that those blocks touch follows from them alone.
func (e *connector) replay(set *coins.Cache, to, from chainhash.Hash) (*BlockNode, error) {
	end := e.tree.lookup(to)
	if end == nil {
		return nil, fmt.Errorf("%w: coins belong to block %s, which is not in it", ErrIndex, to)
	}
	fork := e.tree.lookup(*e.params.GenesisHash)
	if from != (chainhash.Hash{}) {
		start := e.tree.lookup(from)
		if start == nil {
			return nil, fmt.Errorf("%w: coins belong to block %s, which is not in it", ErrIndex, from)
		}
		fork = Fork(start, end)
		for n := start; n != fork; n = n.Parent {
			if err := e.replayBack(set, n); err != nil {
				return nil, err
			}
		}
	}
	for _, n := range branch(fork, end) {
		if err := e.replayForward(set, n); err != nil {
			return nil, err
		}
	}
	if end == fork {
		set.Commit(set.NewReplay(), end.Hash)
	}
	return end, set.Flush()
}

func (e *connector) replayBack(set *coins.Cache, n *BlockNode) error {
	block, err := e.ReadBlock(n)
	if err != nil {
		return err
	}
	undo, err := e.ReadUndo(n)
	if err != nil {
		return err
	}
	view := set.NewReplay()
	if _, err := unspendBlock(n, block, undo, view); err != nil {
		return err
	}
	set.Commit(view, *n.prevHash())
	return nil
}

func (e *connector) replayForward(set *coins.Cache, n *BlockNode) error {
	block, err := e.ReadBlock(n)
	if err != nil {
		return err
	}
	view := set.NewReplay()
	for i, tx := range block.Txs {
		if i > 0 {
			for _, in := range tx.TxIn {
				if _, err := view.Spend(in.PreviousOutPoint); err != nil {
					return err
				}
			}
		}
		view.AddOutputs(tx.MsgTx, tx.ID, n.Height, i == 0)
	}
	set.Commit(view, n.Hash)
	return nil
}
