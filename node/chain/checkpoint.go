package chain

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// checkpointAfter is how many changed index entries may wait for a Checkpoint.
const checkpointAfter = 4000

// Checkpoint hands the changed entries of the index to the operating system,
// without waiting for the disk: blocks that were connected before survive the
// end of the process, however it comes. What does not survive the end of the
// machine is found by distrust. The caller owns the engine.
func (e *Engine) Checkpoint() error { return e.tree.write(e.cfg.Index) }

// checkpointIfMany bounds what waits for the next Checkpoint.
func (e *Engine) checkpointIfMany() error {
	if e.tree.changed() < checkpointAfter {
		return nil
	}
	return e.Checkpoint()
}

// distrust reads the blocks that the coins do not contain yet. The index may
// know of blocks whose bytes never reached the disk; those are missing again.
func (e *Engine) distrust(tip *Node) error {
	var doubtful []*Node
	e.tree.each(func(n *Node) {
		if n.status&haveBlock != 0 && n.Height > tip.Height {
			doubtful = append(doubtful, n)
		}
	})
	lost := 0
	for _, n := range doubtful {
		if e.intact(n) {
			continue
		}
		lost++
		e.tree.change(n, func(n *Node) {
			n.status &^= haveBlock | haveUndo | validTxs | validScripts
			n.txCount = 0
		})
	}
	if lost == 0 {
		return nil
	}
	e.tree.recount()
	if err := e.tree.save(e.cfg.Index); err != nil {
		return fmt.Errorf("forgetting %d lost blocks: %w", lost, err)
	}
	return nil
}

// intact reports whether a block and its undo data can be read and are what
// they should be.
func (e *Engine) intact(n *Node) bool {
	block, err := e.ReadBlock(n)
	if err != nil || consensus.CheckMerkle(block) != nil {
		return false
	}
	if block.HasWitness() && consensus.CheckWitness(block, true) != nil {
		return false
	}
	if n.status&haveUndo == 0 {
		return true
	}
	_, err = e.ReadUndo(n)
	return err == nil
}
