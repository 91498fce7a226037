package chain

import "github.com/bulkheadnode/bulkhead/node/consensus"

// TestBlock verifies a block on top of the tip as if it had proof of work, and
// changes nothing. Its scripts are verified in any case.
func (e *Engine) TestBlock(b *consensus.Block, now int64) error {
	if e.failure != nil {
		return e.failure
	}
	tip := e.current.Tip()
	if b.Header.PrevBlock != tip.Hash {
		return consensus.Rejectf(consensus.Invalid, "inconclusive-not-best-prevblk", "")
	}
	// What the block shows by itself comes first, as in Bitcoin Core.
	if err := consensus.CheckContents(b); err != nil {
		return err
	}
	if err := checkHeaderAt(&b.Header, tip, now, e.params); err != nil {
		return err
	}
	at := consensus.Context{Height: tip.Height + 1, MedianTime: tip.MedianTime()}
	if err := consensus.CheckPlaced(b, at, e.params); err != nil {
		return err
	}
	_, err := e.spendBlock(newNode(&b.Header, b.Hash, tip), b, e.coins.NewView(), true)
	return err
}
