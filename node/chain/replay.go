package chain

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
)

// replayStep is a block whose effects are repeated, or taken back.
type replayStep struct {
	*BlockNode
	back bool
}

// replay repeats the steps between the heads of an interrupted flush. Which of
// its coins were written does not matter: the final state of each coin that
// those blocks touch follows from them alone. The next flush finishes it.
// It returns the block whose set that is, and the one up to which no start
// has to repeat anything.
func (e *connector) replay(set *coins.Cache, heads []chainhash.Hash) (end, durable *BlockNode, err error) {
	steps, end, durable, err := e.replaySteps(heads)
	if err != nil {
		return nil, nil, err
	}
	for i, step := range steps {
		if step.back {
			err = e.replayBack(set, step.BlockNode)
		} else {
			err = e.replayForward(set, step.BlockNode)
		}
		if err != nil {
			return nil, nil, err
		}
		e.cfg.Replayed(i+1, len(steps)-i-1)
		if err := e.keepReplayBounds(set); err != nil {
			return nil, nil, err
		}
	}
	set.Commit(set.NewReplay(), end.Hash)
	return end, durable, nil
}

// replaySteps returns the way from the last of heads to the first, by way of
// those between.
func (e *connector) replaySteps(heads []chainhash.Hash) (steps []replayStep, end, durable *BlockNode, err error) {
	for _, hash := range slices.Backward(heads) {
		next, err := e.headOf(hash)
		if err != nil {
			return nil, nil, nil, err
		}
		if end == nil {
			end, durable = next, next
		}
		fork := Fork(end, next)
		for n := end; n != fork; n = n.Parent {
			steps = append(steps, replayStep{n, true})
		}
		for _, n := range branch(fork, next) {
			steps = append(steps, replayStep{n, false})
		}
		end, durable = next, Fork(durable, fork)
	}
	return steps, end, durable, nil
}

func (e *connector) headOf(hash chainhash.Hash) (*BlockNode, error) {
	if hash == (chainhash.Hash{}) {
		hash = *e.params.GenesisHash
	}
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
