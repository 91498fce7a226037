package chain

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Invalidate marks a block and its descendants invalid and leaves them. Call
// Advance afterwards.
func (e *Engine) Invalidate(hash chainhash.Hash, now int64) error {
	n := e.tree.lookup(hash)
	if n == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, hash)
	}
	if e.failure != nil {
		return e.failure
	}
	if n.Parent == nil {
		return fmt.Errorf("chain: genesis cannot be invalid")
	}
	old := e.current
	if old.Contains(n) && !e.mayLeave(n.Parent) {
		return ErrUnverified
	}
	if old.Contains(n) {
		if err := e.leavable(old.Tip(), n.Parent); err != nil {
			return err
		}
		if err := e.rewind(old.Tip(), n.Parent); err != nil {
			return e.fail(err)
		}
	}
	e.markFailed(n)
	if old.Contains(n) {
		e.publish(n.Parent, nil, now)
	}
	e.refillCandidates()
	return nil
}

// leaveInvalid leaves a tip that was called invalid before the process died: the
// coins that were flushed may still be those of a block above. It reports whether
// there was one.
func (e *Engine) leaveInvalid(now int64) (left bool, err error) {
	n := e.current.Tip()
	if !e.Info(n).Failed || !e.mayLeave(n) {
		return false, nil
	}
	for e.Info(n.Parent).Failed {
		n = n.Parent
	}
	if !e.mayLeave(n.Parent) {
		return false, nil // who refuted the assumed set ends its use
	}
	if e.UnderWay() {
		return true, e.Drain(now)
	}
	return true, e.Invalidate(n.Hash, now)
}

// Reconsider takes back what Invalidate, or a failed verification, said about
// a block, its ancestors and its descendants. Call Advance afterwards.
func (e *branches) Reconsider(hash chainhash.Hash) error {
	n := e.tree.lookup(hash)
	if n == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, hash)
	}
	e.tree.mu.Lock()
	e.tree.refused.Store(nil)
	for _, m := range e.tree.nodes {
		if m.status&failed != 0 && (m.Ancestor(n.Height) == n || n.Ancestor(m.Height) == m) {
			m.status &^= failed
			e.tree.dirty[m] = struct{}{}
		}
		if m.status&failed != 0 {
			e.tree.noteRefused(m)
		}
	}
	e.tree.mu.Unlock()
	e.chooseBestHeader()
	e.refillCandidates()
	return nil
}

// refillCandidates finds all blocks that could be the tip.
func (e *branches) refillCandidates() {
	tip := e.current.Tip()
	e.tree.each(func(n *BlockNode) {
		if n.status&failed == 0 && n.status&haveBlock != 0 && n.chainTx > 0 && !better(tip, n) {
			e.candidates[n] = struct{}{}
		}
	})
}

// Precious treats a block as if it had arrived before all others with the same
// work. Call Advance afterwards.
func (e *branches) Precious(hash chainhash.Hash) error {
	n := e.tree.lookup(hash)
	if n == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, hash)
	}
	tip := e.current.Tip()
	if n.Work.Cmp(tip.Work) < 0 {
		return nil
	}
	if tip.Work.Cmp(e.preciousWork) > 0 {
		e.preciousSeq = -1
	}
	e.preciousWork = tip.Work
	e.tree.change(n, func(n *BlockNode) { n.seq = e.preciousSeq })
	if e.preciousSeq > -1<<31 {
		e.preciousSeq--
	}
	if n.status&(failed|haveBlock) == haveBlock && n.chainTx > 0 {
		e.candidates[n] = struct{}{}
	}
	return nil
}
