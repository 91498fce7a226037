package chain

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Assumption tells an engine that it begins with a UTXO set which came from
// elsewhere, and where the set is that its own verification has reached.
type Assumption struct {
	Set      *consensus.AssumedSet
	Verified coins.Store
}

// The kinds of failure that have to do with an assumed set.
const (
	// ErrLessWork means that an assumed set would not lead ahead.
	ErrLessWork Kind = "chain: the assumed set is not above the tip"
	// ErrUnverified means that what is below an assumed set is not verified yet.
	ErrUnverified Kind = "chain: the blocks below the assumed set are not verified yet"
)

func (c *Config) assumedSet() *consensus.AssumedSet {
	if c.Assumed == nil {
		return nil
	}
	return c.Assumed.Set
}

// CheckAssumable tells whether a set may be assumed now, as far as the chain is
// concerned. It fails with ErrLessWork.
func (r *Reader) CheckAssumable(base *BlockNode) error {
	if !better(base, r.View().Tip()) {
		return ErrLessWork
	}
	return nil
}

// Assume makes a UTXO set the engine's that is in a store and whose hash was
// found to be right, and the engine's own the background. The header of its block
// is known. Call Advance afterwards.
func (e *Engine) Assume(from *consensus.AssumedSet, at coins.Store, now int64) error {
	if e.Background() != nil {
		return ErrUnverified
	}
	base := e.tree.lookup(from.Block)
	if err := e.CheckAssumable(base); err != nil {
		return err
	}
	set, heads, err := coins.Open(at)
	if err != nil {
		return err
	}
	if heads != nil || set.Best() != base.Hash {
		return fmt.Errorf("%w: the assumed set is not that of block %s", coins.ErrCorrupt, base.Hash)
	}
	if err := e.Flush(); err != nil {
		return err
	}
	old := e.current
	h := &Background{base: base, set: e.coins, durable: old.Tip()}
	h.view.Store(old)
	e.coins, e.durable = set, base
	e.count(base, from)
	next := viewOf(base)
	next.BestHeader, next.coins = old.BestHeader, set
	next.Initial = old.Initial && e.stillInitial(base, now)
	e.background.Store(h)
	e.changeTip(next, old.Fork(base))
	e.candidates = map[*BlockNode]struct{}{base: {}}
	e.refillCandidates()
	return nil
}

// count lets a block count as one whose ancestors are all there.
func (e *Engine) count(base *BlockNode, from *consensus.AssumedSet) {
	e.tree.mu.Lock()
	e.tree.assumed = from
	if base.chainTx == 0 {
		base.chainTx = from.ChainTx
	}
	base.seq = 0
	e.tree.mu.Unlock()
	above := e.waiting[base]
	delete(e.waiting, base)
	for _, n := range above {
		e.linkData(n)
	}
}
