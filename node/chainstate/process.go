package chainstate

import (
	"context"
	"errors"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Verdict is what became of a block.
type Verdict struct {
	At     *chain.BlockNode  // its place, nil if its header was refused
	New    bool              // it was stored
	Reject *consensus.Reject // of this block, even if found while connecting
}

// Waits reports whether the block may still be connected, for want of an
// ancestor or because its branch is not the best.
func (o *Owner) Waits(v Verdict) bool {
	if !v.New || v.At == nil {
		return false
	}
	info := o.engine.Info(v.At)
	return !info.ValidScripts && !info.Failed
}

// ProcessOwnBlock is ProcessBlock for a block that no peer could send again: it
// survives a kill when the call returns. It also waits for what keeps the chain
// from going on to the block.
func (o *Owner) ProcessOwnBlock(ctx context.Context, block *consensus.Block) (Verdict, error) {
	v, err := o.ProcessBlock(ctx, block, true)
	own := o.Do(ctx, func(s *State) error {
		if o.Waits(v) {
			if _, err := s.inTurn(s.Activate); err != nil {
				return err
			}
			o.lateRefusal(block, &v)
		}
		return s.Chain.Checkpoint()
	})
	return v, errors.Join(err, own)
}

// ProcessBlock takes a block and lets the chain go where it should. It waits
// until the block's scripts have run, if it is connected at once. A block that
// was not requested is ignored unless it could soon be the tip. The error is not
// about the block.
func (o *Owner) ProcessBlock(ctx context.Context, block *consensus.Block, requested bool) (v Verdict, err error) {
	// The costly part needs no owner.
	if err := consensus.CheckBlock(block, o.params); err != nil {
		if errors.As(err, &v.Reject) {
			o.logRefusal("CheckBlock", block, v.Reject)
			return v, nil
		}
		return v, err
	}
	o.engine.PrefetchCoins(block)
	var running <-chan struct{}
	err = o.begin(ctx, func(s *State) error {
		running, err = o.take(s, block, requested, &v)
		return err
	})
	if err == nil && running != nil {
		err = o.awaitScripts(ctx, block, &v, running)
	}
	return v, err
}

// take places a block and moves the chain. running is closed when the block's
// scripts have run; nil if they do not run.
func (o *Owner) take(s *State, block *consensus.Block, requested bool, v *Verdict) (running <-chan struct{}, err error) {
	v.At, v.New, err = s.Chain.AcceptBlock(block, requested, s.Now())
	if errors.As(err, &v.Reject) {
		o.logRefusal("AcceptBlock", block, v.Reject)
		return nil, nil
	}
	if err != nil {
		return nil, s.Vital(err)
	}
	if v.New {
		s.observe(BlockStored{v.At, block})
	}
	if err := s.Advance(); err != nil {
		return nil, err
	}
	if running = s.Chain.Pending(v.At); running != nil {
		return running, nil
	}
	o.lateRefusal(block, v)
	return nil, nil
}

// awaitScripts lets others bring the next blocks while the scripts of this one
// run.
func (o *Owner) awaitScripts(ctx context.Context, block *consensus.Block, v *Verdict, done <-chan struct{}) error {
	for done != nil {
		if err := await(ctx, done); err != nil {
			return err
		}
		err := o.DoAmidBlocks(ctx, func(s *State) error {
			if err := s.Collect(); err != nil {
				return err
			}
			if done = nil; s.Chain.Pending(v.At) != nil {
				done = s.Chain.Next() // a lower one is slower
				return nil
			}
			o.lateRefusal(block, v)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lateRefusal notes that a block was found invalid while it was connected.
func (o *Owner) lateRefusal(block *consensus.Block, v *Verdict) {
	if v.At == nil || !o.engine.Info(v.At).Failed {
		return
	}
	v.Reject = o.engine.RefusedFor(v.At)
	if v.Reject == nil {
		v.Reject = consensus.Rejectf(consensus.CachedInvalid, "duplicate-invalid", "block %s was previously marked invalid", block.Hash)
	}
}

// CommitProof takes a step of the background of a loaded UTXO set.
func (o *Owner) CommitProof(ctx context.Context, p *chain.Proof) error {
	full := false
	err := o.DoAmidBlocks(ctx, func(s *State) (err error) {
		full, err = s.Chain.CommitProof(p)
		return s.Vital(err)
	})
	if err != nil || !full {
		return err
	}
	return o.Do(ctx, func(s *State) error { return s.Vital(s.Chain.TrimBackground()) })
}
