package chain

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/node/coins"
)

// RollBack moves a UTXO set that is not the engine's from the end of a block to
// that of an ancestor, and writes it out. after is called with the number of
// blocks that are left, and ends it by failing. It may be called by anybody
// while the chain moves on, as long as the blocks in between are not pruned.
func (r *Reader) RollBack(set *coins.Cache, from, to *BlockNode, after func(left int32) error) error {
	for n := from; n != to; n = n.Parent {
		block, err := r.ReadBlock(n)
		if err != nil {
			return err
		}
		undo, err := r.ReadUndo(n)
		if err != nil {
			return err
		}
		view := set.NewView()
		clean, err := unspendBlock(n, block, undo, view)
		if err != nil {
			return err
		}
		if !clean {
			return fmt.Errorf("%w: block %s", ErrUndo, n.Hash)
		}
		set.Commit(view, *n.prevHash())
		if set.Size() >= r.cache {
			if err := set.Flush(); err != nil {
				return err
			}
			set.Trim(r.cache / 2)
		}
		if err := after(n.Height - 1 - to.Height); err != nil {
			return err
		}
	}
	return set.Flush()
}
