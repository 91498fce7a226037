package chain

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// checkpointAfter is how many changed index entries are written at a time
// during initial download.
const checkpointAfter = 2000

// checkpoint hands the changed entries of the index to the operating system,
// without waiting for the disk: blocks that were connected survive the end of
// the process, however it comes. What does not survive the end of the machine
// is found by distrust.
func (e *Engine) checkpoint(initial bool) error {
	if initial && e.tree.changed() < checkpointAfter {
		return nil
	}
	return e.tree.write(e.cfg.Index)
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
