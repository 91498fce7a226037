package chain

import (
	"fmt"
	"sync"
	"sync/atomic"

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

// History is the verification of the blocks that led to an assumed UTXO set,
// with a set of its own, while the chain goes on above.
type History struct {
	base *Node // whose set is assumed
	view atomic.Pointer[View]

	mu  sync.Mutex // held while set is changed
	set *coins.Cache
}

// Base returns the block whose set is assumed.
func (h *History) Base() *Node { return h.base }

// View returns the chain that is verified so far.
func (h *History) View() *View { return h.view.Load() }

// Coins returns the UTXO set of View.
func (h *History) Coins() *coins.Cache { return h.set }

// Done reports whether all blocks are verified.
func (h *History) Done() bool { return h.View().Tip() == h.base }

func (c *Config) assumedSet() *consensus.AssumedSet {
	if c.Assumed == nil {
		return nil
	}
	return c.Assumed.Set
}

// History returns what is left of verifying the past, nil if nothing is.
func (e *Engine) History() *History { return e.history.Load() }

// Verified returns the best chain as far as all of it is verified and there: it
// differs from View while there is a History.
func (e *Engine) Verified() *View {
	if h := e.History(); h != nil {
		return h.View()
	}
	return e.View()
}

// openHistory goes on with the history of an assumed set.
func (e *Engine) openHistory() error {
	from := e.cfg.Assumed
	if from == nil {
		return nil
	}
	h := &History{base: e.tree.lookup(from.Set.Block)}
	if h.base == nil {
		return fmt.Errorf("%w: the block of the assumed set, %s, is not in it", ErrIndex, from.Set.Block)
	}
	set, heads, err := coins.Open(from.Verified)
	if err != nil {
		return err
	}
	tip, err := e.loadCoins(set, heads)
	if err != nil {
		return err
	}
	h.set = set
	h.view.Store(viewOf(tip))
	e.history.Store(h)
	return nil
}

// CheckAssumable tells whether a set may be assumed now, as far as the chain is
// concerned. It fails with ErrLessWork.
func (e *Engine) CheckAssumable(base *Node) error {
	if !better(base, e.View().Tip()) {
		return ErrLessWork
	}
	return nil
}

// Assume makes a UTXO set the engine's that is in a store and whose hash was
// found to be right, and the engine's own the history. The header of its block
// is known. Call Activate afterwards.
func (e *Engine) Assume(from *consensus.AssumedSet, at coins.Store, now int64) error {
	if e.History() != nil {
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
	old := e.View()
	h := &History{base: base, set: e.coins}
	h.view.Store(old)
	e.coins = set
	e.count(base, from)
	next := viewOf(base)
	next.BestHeader, next.coins = old.BestHeader, set
	next.Initial = old.Initial && e.stillInitial(base, now)
	e.history.Store(h)
	e.view.Store(next)
	e.candidates = map[*Node]struct{}{base: {}}
	e.refillCandidates()
	e.emit(TipChanged{Tip: base, Old: old.Tip(), Fork: old.Fork(base), Initial: next.Initial})
	return nil
}

// count lets a block count as one whose ancestors are all there.
func (e *Engine) count(base *Node, from *consensus.AssumedSet) {
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

// EndHistory ends a history whose set was found to be the assumed one.
func (e *Engine) EndHistory() {
	e.history.Store(nil)
	e.refillCandidates()
}

// unproven reports whether a block is one that the history may not have, or
// that it still needs.
func (e *Engine) unproven(n *Node) bool {
	h := e.History()
	return h != nil && n.Height <= h.base.Height
}

// mayLeave reports whether the best chain may go back to a block: below an
// assumed set there is no undo data to do so.
func (e *Engine) mayLeave(fork *Node) bool {
	h := e.History()
	return h == nil || fork.Height >= h.base.Height
}

func viewOf(tip *Node) *View {
	nodes := make([]*Node, tip.Height+1, tip.Height+1024)
	for n := tip; n != nil; n = n.Parent {
		nodes[n.Height] = n
	}
	return &View{nodes: nodes}
}

// Proof is a step of a History: a block that was found valid, or one that is
// not in the branch of the assumed set and has to be left.
type Proof struct {
	Node *Node

	block   *consensus.Block
	undo    coins.Undo
	effects *coins.View // nil to leave the block
}

// Prove verifies the next block of the history; the result is nil if there is
// none, or it has not arrived. One goroutine at a time may do so, which need
// not own the engine. The error is a *DamageError or a *consensus.Reject if it
// is about the block, which is returned with it.
func (e *Engine) Prove() (*Proof, error) {
	h := e.History()
	if h == nil || h.Done() {
		return nil, nil
	}
	tip := h.View().Tip()
	fork := Fork(tip, h.base)
	p := &Proof{Node: h.base.Ancestor(fork.Height + 1)}
	switch info := e.Info(p.Node); {
	case info.Failed:
		return p, consensus.Rejectf(consensus.CachedInvalid, "duplicate-invalid", "block %s was previously marked invalid", p.Node.Hash)
	case !info.HaveBlock:
		return nil, nil
	case fork != tip:
		return &Proof{Node: tip}, nil
	}
	return p, e.prove(h, p)
}

func (e *Engine) prove(h *History, p *Proof) error {
	var err error
	if p.block, err = e.ReadBlock(p.Node); err != nil {
		return err
	}
	if err := consensus.CheckBlock(p.block, e.params); err != nil {
		return err
	}
	h.mu.Lock()
	p.effects = h.set.NewView()
	undo, jobs, err := e.applyBlock(p.Node, p.block, p.effects)
	h.mu.Unlock()
	p.undo = undo
	if err != nil || e.verifyReason(p.Node, e.View().BestHeader) == vouched {
		return err
	}
	return scriptError(e.cfg.Verifier.Verify(jobs, false))
}

// Enter takes a step that Prove has prepared.
func (e *Engine) Enter(p *Proof, now int64) error {
	h := e.History()
	if h == nil {
		return nil
	}
	var err error
	if p.effects == nil {
		err = e.leave(h, p.Node)
	} else {
		err = e.enter(h, p)
	}
	if err != nil || h.set.Size() < e.cacheLimit() {
		return err
	}
	if err := e.Drain(now); err != nil {
		return err
	}
	return e.Flush()
}

func (e *Engine) enter(h *History, p *Proof) error {
	if err := e.storeUndo(p.Node, p.undo); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.set.Commit(p.effects, p.Node.Hash)
	h.view.Store(h.View().with(p.Node.Parent, []*Node{p.Node}))
	return nil
}

// leave takes the history back over a block.
func (e *Engine) leave(h *History, n *Node) error {
	block, err := e.ReadBlock(n)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := e.disconnect(n, block, h.set); err != nil {
		return err
	}
	h.view.Store(h.View().with(n.Parent, nil))
	return nil
}

// Refuse marks a block of the history that was found invalid.
func (e *Engine) Refuse(p *Proof, reject *consensus.Reject) { e.refuse(p.Node, reject) }

// Lose forgets a block of the history whose data is damaged.
func (e *Engine) Lose(damage *DamageError) error { return e.lose(damage.Block, damage) }

// cacheLimit is how large each of the sets in memory may become.
func (e *Engine) cacheLimit() int64 {
	if e.History() != nil {
		return e.cfg.Cache / 2
	}
	return e.cfg.Cache
}
