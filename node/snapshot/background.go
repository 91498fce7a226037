package snapshot

import (
	"context"
	"errors"
	"fmt"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// backgroundLogInterval is after how many verified blocks below a loaded UTXO set
// the log says where that is.
const backgroundLogInterval = 2000

// BlockStored tells that there may be a block to verify below a loaded set.
func (s *Sets) BlockStored() {
	select {
	case s.arrived <- struct{}{}:
	default: // it knows
	}
}

// Run verifies the blocks that lead to a loaded UTXO set, as they arrive, and
// compares what they lead to with the set, until ctx ends.
func (s *Sets) Run(ctx context.Context) error {
	for {
		if err := s.proveBackground(ctx); err != nil {
			return err
		}
		select {
		case <-s.arrived:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// proveBackground goes as far as the blocks that are there allow.
func (s *Sets) proveBackground(ctx context.Context) error {
	for moved := true; moved; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		if moved, err = s.proveNext(ctx); err != nil {
			return err
		}
	}
	if h := s.chain.Background(); h != nil && h.Done() {
		return s.judge(ctx)
	}
	return nil
}

func (s *Sets) proveNext(ctx context.Context) (moved bool, err error) {
	p, err := s.owner.Prove()
	var damage *chain.DamageError
	var reject *consensus.Reject
	switch {
	case errors.As(err, &damage):
		return true, s.owner.Do(ctx, func(state *chainstate.State) error { return state.Vital(state.Chain.Lose(damage)) })
	case errors.As(err, &reject):
		err := s.owner.Do(ctx, func(state *chainstate.State) error {
			state.Chain.Refuse(p, reject)
			return state.Flush()
		})
		return false, errors.Join(s.refute(fmt.Sprintf("block %s (height %d) is invalid: %s", p.Node.Hash, p.Node.Height, reject.Error())), err)
	case err != nil || p == nil:
		return false, err
	}
	err = s.owner.CommitProof(ctx, p)
	if err != nil {
		return false, err
	}
	s.events.Verified(p.Node)
	if p.Node.Height%backgroundLogInterval == 0 {
		s.cfg.Log.Info(fmt.Sprintf("[background validation] UpdateTip: best=%s height=%d date='%s' progress=%f", p.Node.Hash, p.Node.Height, p.Node.ISOTime(), s.Progress()))
	}
	return true, nil
}

// judge compares the set that the blocks led to with the one that was loaded.
func (s *Sets) judge(ctx context.Context) error {
	if err := s.owner.DoFlushed(ctx, func(*chainstate.State) error { return nil }); err != nil {
		return err
	}
	right, err := s.hasHash(ctx, s.assumed.verified, s.assumed.AssumedSet)
	if err != nil {
		return err
	}
	if !right {
		return s.refute("its hash is not that of the set which the blocks lead to")
	}
	if err := s.mark(provenFile); err != nil {
		return err
	}
	return s.owner.Do(ctx, func(state *chainstate.State) error {
		if err := state.Vital(state.Chain.EndBackground()); err != nil {
			return err
		}
		s.events.Finished()
		return state.Activate()
	})
}

// refute ends the node because of a loaded set that is wrong. It is put aside
// when its database is closed.
func (s *Sets) refute(why string) error {
	s.assumed.refuted = true
	verified := s.chain.Verified().Height()
	return fmt.Errorf("the loaded UTXO snapshot proved wrong: %s; either the hardware or the software is at fault, or somebody changed it to accept a wrong snapshot; "+
		"what was built on the snapshot is not used any more: the next start goes on from height %d instead of %d, and the snapshot stays in %s_INVALID for whoever looks into the matter",
		why, verified, s.chain.View().Height(), s.LoadedDir())
}

// Progress returns which part of the transactions below a loaded set is
// verified.
func (s *Sets) Progress() float64 {
	h := s.chain.Background()
	if h == nil {
		return 1
	}
	done, all := s.chain.Info(h.View().Tip()).ChainTx, s.chain.Info(h.Base()).ChainTx
	if all == 0 {
		return 0
	}
	return float64(done) / float64(all)
}
