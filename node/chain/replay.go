package chain

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
)

// replay repeats the blocks between the two ends of an interrupted flush. Which of
// its coins were written does not matter: the final state of each coin that
// those blocks touch follows from them alone. The next flush finishes it.
func (e *connector) replay(set *coins.Cache, to, from chainhash.Hash) (end, start *BlockNode, err error) {
	if from == (chainhash.Hash{}) {
		from = *e.params.GenesisHash
	}
	if start, err = e.headOf(from); err != nil {
		return nil, nil, err
	}
	if end, err = e.headOf(to); err != nil {
		return nil, nil, err
	}
	fork := Fork(start, end)
	total := int(start.Height - fork.Height + end.Height - fork.Height)
	done := 0
	repeat := func(step func(*coins.Cache, *BlockNode) error, n *BlockNode) error {
		if err := step(set, n); err != nil {
			return err
		}
		done++
		e.cfg.Replayed(done, total-done)
		return e.keepReplayBounds(set)
	}
	for n := start; n != fork; n = n.Parent {
		if err := repeat(e.replayBack, n); err != nil {
			return nil, nil, err
		}
	}
	for _, n := range branch(fork, end) {
		if err := repeat(e.replayForward, n); err != nil {
			return nil, nil, err
		}
	}
	set.Commit(set.NewReplay(), end.Hash)
	return end, start, nil
}

func (e *connector) headOf(hash chainhash.Hash) (*BlockNode, error) {
	n := e.tree.lookup(hash)
	if n == nil {
		return nil, fmt.Errorf("%w: coins belong to block %s, which is not in it", ErrIndex, hash)
	}
	return n, nil
}

func (e *connector) keepReplayBounds(set *coins.Cache) error {
	if e.cfg.Interrupted() {
		return ErrInterrupted
	}
	limit := e.cacheLimit()
	if set.Size() < limit {
		return nil
	}
	if err := set.FlushPart(); err != nil {
		return err
	}
	set.Trim(limit / 2)
	return nil
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
