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
func (e *storage) Checkpoint() error {
	if bytes := e.tree.pendingBytes(); bytes > 0 {
		if err := e.cfg.Room(bytes); err != nil {
			return err
		}
	}
	return e.tree.write(e.cfg.Index)
}

// checkpointIfMany bounds what waits for the next Checkpoint.
func (e *storage) checkpointIfMany() error {
	if e.tree.changed() < checkpointAfter {
		return nil
	}
	return e.Checkpoint()
}

// distrust reads what the last Flush did not make durable. The index may know
// of blocks and undo data whose bytes never reached the disk; those are missing
// again.
func (e *storage) distrust(tip *BlockNode) error {
	m, err := loadMark(e.cfg.Index)
	if err != nil {
		return err
	}
	d := doubts{mark: m, tip: tip, background: e.Background()}
	if m != nil {
		if marked := e.tree.lookup(m.tip); marked != nil {
			d.tip = marked
		}
	}
	var blocks, undos []*BlockNode
	e.tree.each(func(n *BlockNode) {
		switch {
		case n.status&haveBlock == 0:
		case d.block(n):
			blocks = append(blocks, n)
		case d.undo(n):
			undos = append(undos, n)
		}
	})
	var lost []*BlockNode
	for _, n := range blocks {
		if err := e.intact(n); err != nil {
			lost = append(lost, n)
			e.doubted = append(e.doubted, err)
		}
	}
	for _, n := range undos {
		if _, err := e.ReadUndo(n); err != nil {
			e.tree.change(n, func(n *BlockNode) { n.status &^= haveUndo })
		}
	}
	return e.forget(lost)
}

// forget makes blocks missing again whose data is gone or damaged.
func (e *storage) forget(lost []*BlockNode) error {
	if len(lost) == 0 {
		return nil
	}
	for _, n := range lost {
		e.files.remove(n)
		e.tree.change(n, func(n *BlockNode) {
			n.status &^= haveBlock | haveUndo | validTxs | validScripts
			n.txCount = 0
			n.seq = unseen
		})
	}
	e.tree.recount()
	if err := e.tree.save(e.cfg.Index); err != nil {
		return fmt.Errorf("forgetting %d lost blocks: %w", len(lost), err)
	}
	return nil
}

// intact fails if a block or its undo data cannot be read or is not what it
// should be.
func (e *storage) intact(n *BlockNode) error {
	_, err := e.ReadBlock(n)
	if err == nil && n.status&haveUndo != 0 {
		_, err = e.ReadUndo(n)
	}
	return err
}

// Doubted tells why Open forgot blocks that had been stored: they were not
// durable yet when the process, or the machine, died. They can be had again.
func (e *storage) Doubted() []error { return e.doubted }

// checkContent verifies that a block read from a file is the one that was
// written there: its transactions are those of its header.
func checkContent(b *consensus.Block) error {
	if err := consensus.CheckMerkle(b); err != nil {
		return err
	}
	if !b.HasWitness() {
		return nil
	}
	return consensus.CheckWitness(b, true)
}
