package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// historyLogInterval is after how many verified blocks below a loaded UTXO set
// the log says where that is.
const historyLogInterval = 2000

// activeCoins is the UTXO set of the moment, which a loaded one may replace.
type activeCoins struct{ engine *chain.Engine }

// Get returns a coin, and whether there is one.
func (a activeCoins) Get(op wire.OutPoint) (coins.Coin, bool, error) { return a.engine.Coins().Get(op) }

// pokeHistory tells that there may be a block to verify below a loaded set.
func (n *node) pokeHistory() {
	select {
	case n.arrived <- struct{}{}:
	default: // it knows
	}
}

// followHistory verifies the blocks that lead to a loaded UTXO set, as they
// arrive, and compares what they lead to with the set.
func (n *node) followHistory(ctx context.Context) error {
	for {
		err := n.proveHistory(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return n.fatal(err)
		}
		select {
		case <-n.arrived:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// proveHistory goes as far as the blocks that are there allow.
func (n *node) proveHistory(ctx context.Context) error {
	for moved := true; moved; {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		if moved, err = n.proveNext(ctx); err != nil {
			return err
		}
	}
	if h := n.engine.History(); h != nil && h.Done() {
		return n.judge(ctx)
	}
	return nil
}

func (n *node) proveNext(ctx context.Context) (moved bool, err error) {
	p, err := n.engine.Prove()
	var damage *chain.DamageError
	var reject *consensus.Reject
	switch {
	case errors.As(err, &damage):
		return true, n.own(ctx, func() error { return n.vital(n.engine.Lose(damage)) })
	case errors.As(err, &reject):
		err := n.own(ctx, func() error { n.engine.Refuse(p, reject); return n.flush() })
		return false, errors.Join(n.refute(fmt.Sprintf("block %s (height %d) is invalid: %s", p.Node.Hash, p.Node.Height, reject.Error())), err)
	case err != nil || p == nil:
		return false, err
	}
	err = n.ownEngine(ctx, func() error { return n.vital(n.engine.Enter(p, n.now())) })
	if err != nil {
		return false, err
	}
	n.sharing.settled(p.Node.Hash)
	n.tips.set(n.engine.View().Height()) // for indexes, which follow the verified chain
	if p.Node.Height%historyLogInterval == 0 {
		n.log.Info(fmt.Sprintf("[background validation] UpdateTip: best=%s height=%d date='%s' progress=%f", p.Node.Hash, p.Node.Height, isoTime(p.Node.Time), n.historyProgress()))
	}
	return true, nil
}

// judge compares the set that the blocks led to with the one that was loaded.
func (n *node) judge(ctx context.Context) error {
	if err := n.own(ctx, n.flush); err != nil {
		return err
	}
	right, err := n.hasHash(ctx, n.assumed.verified, n.assumed.AssumedSet)
	if err != nil {
		return err
	}
	if !right {
		return n.refute("its hash is not that of the set which the blocks lead to")
	}
	return n.own(ctx, func() error {
		n.engine.EndHistory()
		n.tips.set(n.engine.View().Height())
		n.publishTip(nil)
		return n.activate()
	})
}

// refute ends the node because of a loaded set that is wrong. It is put aside
// when its database is closed.
func (n *node) refute(why string) error {
	n.assumed.refuted = true
	verified := n.engine.Verified().Height()
	return fmt.Errorf("the loaded UTXO snapshot proved wrong: %s; either the hardware or the software is at fault, or somebody changed it to accept a wrong snapshot; "+
		"what was built on the snapshot is not used any more: the next start goes on from height %d instead of %d, and the snapshot stays in %s_INVALID for whoever looks into the matter",
		why, verified, n.engine.View().Height(), n.assumedDir())
}

// historyProgress is which part of the transactions below a loaded set is
// verified.
func (n *node) historyProgress() float64 {
	h := n.engine.History()
	if h == nil {
		return 1
	}
	done, all := n.engine.Info(h.View().Tip()).ChainTx, n.engine.Info(h.Base()).ChainTx
	if all == 0 {
		return 0
	}
	return float64(done) / float64(all)
}
