package chain

import (
	"errors"
	"fmt"
)

// ErrPrunedFork means that a chain cannot be left because what that takes was
// deleted.
const ErrPrunedFork Kind = "chain: blocks that would have to be disconnected are pruned"

// fail keeps the first error of a step, after which the UTXO set may be
// anywhere between two blocks of the view: a valid block would seem to be
// invalid on it. Nothing is built on it or written any more; what is on the
// disk is good to go on from.
func (e *core) fail(err error) error {
	if err != nil && e.failure == nil && !errors.Is(err, ErrInterrupted) {
		e.failure = err
	}
	return err
}

// Failed returns the error after which the engine does nothing any more, nil if
// there is none. It is for the owner.
func (e *core) Failed() error { return e.failure }

// leavable fails unless all that it takes to go back from a block to an
// ancestor is there.
func (e *core) leavable(from, fork *BlockNode) error {
	for n := from; n != fork; n = n.Parent {
		if info := e.Info(n); !info.HaveBlock || !info.HaveUndo {
			return fmt.Errorf("%w: %s at height %d", ErrPrunedFork, n.Hash, n.Height)
		}
	}
	return nil
}
