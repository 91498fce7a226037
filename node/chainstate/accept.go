package chainstate

import (
	"context"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// maxRounds is how often what a transaction spends may change while its scripts
// run, before they are run once more while nothing may.
const maxRounds = 3

// ProcessTx offers a transaction to the mempool; see mempool.Pool.Accept for
// the errors. It is judged by the chain that readers see, and waits for no block:
// its scripts run while others use the state, in the caller's goroutine.
func (o *Owner) ProcessTx(ctx context.Context, tx *consensus.Tx, opts mempool.Options) (result mempool.Result, err error) {
	result, err = o.processTx(ctx, tx, opts)
	if !unsettled(err) {
		return result, err
	}
	err = o.Do(ctx, func(s *State) error {
		result, err = s.accept(tx, opts)
		return err
	})
	return result, err
}

// unsettled reports whether something is to be looked at while nobody else changes
// chain or mempool.
func unsettled(err error) bool {
	return errors.Is(err, chain.ErrFar) || errors.Is(err, mempool.ErrUnverified)
}

func (o *Owner) processTx(ctx context.Context, tx *consensus.Tx, opts mempool.Options) (result mempool.Result, err error) {
	proposal, err := o.propose(tx, opts)
	for round := 0; err == nil && round < maxRounds; round++ {
		if err := o.verify(ctx, proposal); err != nil || opts.Test {
			return proposal.Result(), err
		}
		if result, err = o.commit(ctx, proposal); !errors.Is(err, mempool.ErrUnverified) {
			return result, err
		}
	}
	return result, err
}

func (o *Owner) propose(tx *consensus.Tx, opts mempool.Options) (proposal *mempool.Proposal, err error) {
	if err := o.warm(tx); err != nil {
		return nil, err
	}
	err = o.ReadTip(func(at *chain.TipState) error {
		proposal, err = o.state.Pool.Propose(tx, o.mempoolTip(at, shownCoins{at}), opts)
		return err
	})
	return proposal, err
}

// verify runs the scripts of a proposal, once for all callers who have the same
// transaction. As many run at a time as scripts of blocks, beside those.
func (o *Owner) verify(ctx context.Context, proposal *mempool.Proposal) error {
	return o.state.Pool.Verify(proposal, o.runScripts(ctx))
}

func (o *Owner) runScripts(ctx context.Context) mempool.Run {
	return func(job script.Job, also txscript.ScriptFlags) error {
		return o.flights.join(ctx, flightName{job.Wtxid, job.Flags, also}, func() error {
			select {
			case o.verifying <- struct{}{}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			defer func() { <-o.verifying }()
			return o.verifier.VerifyTx(job, also)
		})
	}
}

func (o *Owner) commit(ctx context.Context, proposal *mempool.Proposal) (result mempool.Result, err error) {
	err = o.DoAmidBlocks(ctx, func(s *State) error {
		result, err = s.change(func(tip mempool.Tip) (mempool.Result, error) { return s.Pool.Commit(proposal, tip) })
		return err
	})
	return result, err
}

// warm lets the database find what a transaction spends before anybody has to
// wait for it: the callers of ReadTip keep blocks from being shown.
func (o *Owner) warm(tx *consensus.Tx) error {
	set := o.engine.Coins()
	for _, in := range tx.TxIn {
		if _, _, err := set.Get(in.PreviousOutPoint); err != nil {
			return err
		}
	}
	return nil
}

// Broadcast offers a transaction of our user to the mempool, which may not pay
// more than maxRate satoshi per 1000 vbytes; zero for any rate. One that is in
// the mempool already is announced again. It waits for no block, as ProcessTx. Until a
// peer has asked for it, it is among those that none has heard of (mempool.Reader.Unheard).
func (o *Owner) Broadcast(ctx context.Context, tx *consensus.Tx, maxRate int64) error {
	opts := mempool.Options{MaxRate: mempool.Rate(maxRate), Unheard: true}
	if o.Pool().Get(tx.ID) == nil {
		_, err := o.ProcessTx(ctx, tx, opts)
		if err == nil || o.Pool().Get(tx.ID) == nil {
			return err
		}
	}
	return o.DoAmidBlocks(ctx, func(s *State) error {
		if entry := s.Pool.Get(tx.ID); entry != nil {
			s.observe(TxRebroadcast{entry})
			return nil
		}
		_, err := s.accept(tx, opts) // it has just left
		return err
	})
}

// Reannounce tells again of the transactions that no peer has asked for yet.
func (o *Owner) Reannounce(ctx context.Context) error {
	return o.DoAmidBlocks(ctx, func(s *State) error {
		for _, txid := range s.Pool.Unheard() {
			if entry := s.Pool.Get(txid); entry != nil {
				s.observe(TxRebroadcast{entry})
			}
		}
		return nil
	})
}

// accept is ProcessTx for who holds the State.
func (s *State) accept(tx *consensus.Tx, opts mempool.Options) (result mempool.Result, err error) {
	return s.change(func(tip mempool.Tip) (mempool.Result, error) { return s.Pool.Accept(tx, tip, opts) })
}

// change tells what fn does to the mempool, which is that of the chain readers see.
func (s *State) change(fn func(mempool.Tip) (mempool.Result, error)) (result mempool.Result, err error) {
	if err := s.Chain.Failed(); err != nil {
		return result, err
	}
	err = s.o.engine.ReadTip(func(at *chain.TipState) error {
		result, err = fn(s.o.mempoolTip(at, shownCoins{at}))
		return err
	})
	s.observeAll(poolEvents(result.Events))
	return result, err
}

// mempoolTip returns what the mempool needs to know of the chain.
func (o *Owner) mempoolTip(at *chain.TipState, set mempool.Coins) mempool.Tip {
	view := at.View
	tip := view.Tip()
	return mempool.Tip{
		Hash: tip.Hash, Coins: set, Height: tip.Height, MedianTime: tip.MedianTime(), Now: o.now(),
		MedianTimeAt: func(height int32) int64 { return view.At(height).MedianTime() },
		Flags:        o.params.ScriptFlags(&chainhash.Hash{}, tip.Height+1),
	}
}

// shownCoins is the UTXO set of the chain that readers see.
type shownCoins struct{ at *chain.TipState }

// Get fails with chain.ErrFar in a long reorganisation.
func (c shownCoins) Get(op wire.OutPoint) (coins.Coin, bool, error) { return c.at.Coin(op) }

// nearestCoins is the same set for a mempool that must follow the chain whatever
// happens. In a long reorganisation it is the one that the chain is going to have.
type nearestCoins struct {
	at    *chain.TipState
	chain *chain.Engine
}

func (c nearestCoins) Get(op wire.OutPoint) (coins.Coin, bool, error) {
	coin, there, err := c.at.Coin(op)
	if errors.Is(err, chain.ErrFar) {
		return c.chain.Coins().Get(op)
	}
	return coin, there, err
}
