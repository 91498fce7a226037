package chain

import (
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Proof is a step of a Background: a block that was found valid, or one that is
// not in the branch of the assumed set and has to be left.
type Proof struct {
	Node *BlockNode

	block   *consensus.Block
	undo    coins.Undo
	effects *coins.View // nil to leave the block
}

// Prove verifies the next block of the background; the result is nil if there is
// none, or it has not arrived. One goroutine at a time may do so, which need
// not own the engine. The error is a *DamageError or a *consensus.Reject if it
// is about the block, which is returned with it.
func (e *Engine) Prove() (*Proof, error) {
	h := e.Background()
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

func (e *Engine) prove(h *Background, p *Proof) error {
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

// CommitProof takes a step that Prove has prepared. full tells that the background's
// coins take so much memory that they are to be flushed with TrimBackground.
func (e *Engine) CommitProof(p *Proof) (full bool, err error) {
	h := e.Background()
	if h == nil || e.failure != nil {
		return false, e.failure
	}
	if p.effects == nil {
		err = e.leave(h, p.Node)
	} else {
		err = e.apply(h, p)
	}
	return h.set.Size() >= e.cacheLimit(), e.fail(err)
}

// TrimBackground flushes, and gives memory of the background's coins back.
func (e *Engine) TrimBackground() error {
	h := e.Background()
	if h == nil {
		return nil
	}
	if err := e.Flush(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.set.Trim(e.cacheLimit() / 2)
	return nil
}

func (e *Engine) apply(h *Background, p *Proof) error {
	if err := e.storeUndo(p.Node, p.undo); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.set.Commit(p.effects, p.Node.Hash)
	h.view.Store(h.View().with(p.Node.Parent, []*BlockNode{p.Node}))
	return nil
}

// leave takes the background back over a block.
func (e *Engine) leave(h *Background, n *BlockNode) error {
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

// Refuse marks a block of the background that was found invalid.
func (e *Engine) Refuse(p *Proof, reject *consensus.Reject) { e.refuse(p.Node, reject) }

// Lose forgets a block of the background whose data is damaged.
func (e *Engine) Lose(damage *DamageError) error { return e.lose(damage.Block, damage) }
