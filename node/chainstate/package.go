package chainstate

import (
	"context"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// Outcome is what became of one transaction of a package.
type Outcome struct {
	Tx *consensus.Tx
	// Entry is in the mempool: this transaction, or one with another witness.
	Entry *mempool.Entry
	Known bool  // it was there before
	Err   error // why it is not there: a *mempool.MissingError or a *consensus.Reject
	// Fee, in satoshi, and VSize are what it was accepted for, together with those
	// of the wtxids in With.
	Fee, VSize int64
	With       []chainhash.Hash
	Replaced   []*mempool.Entry
}

// errTransactionFailed is what a package fails for if one of its transactions did.
var errTransactionFailed = consensus.Rejectf(consensus.Policy, "transaction failed", "")

// ProcessPackage offers a child, which comes last, and its parents to the mempool:
// each alone and then, of those that pay too little or have to wait for such a
// parent, all together. refused tells why the package as a whole was, nil if all are
// in the mempool. err is about neither, such as a failure of the database. It waits
// for no block, as ProcessTx.
func (o *Owner) ProcessPackage(ctx context.Context, txs []*consensus.Tx, opts mempool.Options) (outcomes []Outcome, refused, err error) {
	// One that pays too little for a full mempool may be raised by its child: what is
	// in it last of all counts.
	opts.Untrimmed, opts.OfPackage = true, true
	outcomes, refused, err = o.processPackage(ctx, txs, opts)
	if err != nil {
		return nil, nil, err
	}
	if err := o.DoAmidBlocks(ctx, func(s *State) error { s.LimitPool(); return nil }); err != nil {
		return nil, nil, err
	}
	if o.evicted(outcomes) {
		refused = errTransactionFailed
	}
	return outcomes, refused, nil
}

func (o *Owner) processPackage(ctx context.Context, txs []*consensus.Tx, opts mempool.Options) (outcomes []Outcome, refused, err error) {
	outcomes = make([]Outcome, len(txs))
	var left []*Outcome
	for i, tx := range txs {
		out := &outcomes[i]
		retry, err := o.processAlone(ctx, tx, opts, out)
		switch {
		case err != nil:
			return nil, nil, err
		case retry:
			left = append(left, out)
		case out.Err != nil:
			refused = errTransactionFailed
		}
	}
	switch {
	case refused != nil || len(left) == 0:
		return outcomes, refused, nil
	case len(left) == 1:
		return outcomes, errTransactionFailed, nil
	}
	refused, err = o.processTogether(ctx, left, opts)
	return outcomes, refused, err
}

// evicted gives those of a package that had entered the mempool, and left it again
// since there was no room, their error, and tells if there are any.
func (o *Owner) evicted(outcomes []Outcome) (some bool) {
	for i := range outcomes {
		if out := &outcomes[i]; out.Err == nil && o.Pool().Get(out.Tx.ID) == nil {
			out.Err = consensus.Rejectf(consensus.Policy, mempool.FullReason, "")
			some = true
		}
	}
	return some
}

// processAlone offers one transaction of a package. retry tells that it may be
// accepted with others.
func (o *Owner) processAlone(ctx context.Context, tx *consensus.Tx, opts mempool.Options, out *Outcome) (retry bool, err error) {
	out.Tx = tx
	if out.Entry = o.Pool().Get(tx.ID); out.Entry != nil {
		out.Known = true
		return false, nil
	}
	result, err := o.ProcessTx(ctx, tx, opts)
	var reject *consensus.Reject
	switch {
	case err == nil:
		out.Entry, out.Replaced = result.Entry, result.Replaced
		out.Fee, out.VSize, out.With = result.Paid, result.Entry.VSize, []chainhash.Hash{tx.WitnessID}
		return false, nil
	case !errors.As(err, &reject):
		return false, err
	}
	out.Err = err
	return reject.Result == consensus.Reconsiderable || reject.Result == consensus.MissingInputs, nil
}

// processTogether offers transactions that were refused alone as one.
func (o *Owner) processTogether(ctx context.Context, left []*Outcome, opts mempool.Options) (refused, err error) {
	var txs []*consensus.Tx
	var wtxids []chainhash.Hash
	for _, out := range left {
		txs, wtxids = append(txs, out.Tx), append(wtxids, out.Tx.WitnessID)
	}
	pkg, result, err := o.acceptPackage(ctx, txs, opts)
	var failed *mempool.PackageError
	switch {
	case errors.As(err, &failed) && failed.Tx == nil:
		return failed.Err, nil
	case errors.As(err, &failed):
		for _, out := range left {
			if out.Tx == failed.Tx || failed.Full() {
				out.Err = failed.Err
			}
		}
		if failed.Message != "" {
			return consensus.Rejectf(consensus.Policy, failed.Message, ""), nil
		}
		return errTransactionFailed, nil
	case err != nil:
		return nil, err
	}
	for i, out := range left {
		out.Entry, out.Err, out.With = pkg.Members()[i].Result().Entry, nil, wtxids
		out.Fee, out.VSize = pkg.Paid()
	}
	left[len(left)-1].Replaced = result.Replaced
	return nil, nil
}

// acceptPackage fails with a *mempool.PackageError if the package is refused.
func (o *Owner) acceptPackage(ctx context.Context, txs []*consensus.Tx, opts mempool.Options) (pkg *mempool.Package, result mempool.Result, err error) {
	pkg, result, err = o.tryPackage(ctx, txs, opts)
	if !unsettled(err) {
		return pkg, result, err
	}
	return o.settlePackage(ctx, txs, opts)
}

// tryPackage is acceptPackage while others use the state.
func (o *Owner) tryPackage(ctx context.Context, txs []*consensus.Tx, opts mempool.Options) (pkg *mempool.Package, result mempool.Result, err error) {
	for range maxRounds {
		if pkg, err = o.proposePackage(txs, opts); err != nil {
			return nil, result, err
		}
		if err = o.state.Pool.VerifyPackage(pkg, o.runScripts(ctx)); err != nil {
			return nil, result, err
		}
		err = o.DoAmidBlocks(ctx, func(s *State) error {
			result, err = s.change(func(tip mempool.Tip) (mempool.Result, error) { return s.Pool.CommitPackage(pkg, tip) })
			return err
		})
		if !errors.Is(err, mempool.ErrUnverified) {
			break
		}
	}
	return pkg, result, err
}

// settlePackage is acceptPackage while nobody else has the state.
func (o *Owner) settlePackage(ctx context.Context, txs []*consensus.Tx, opts mempool.Options) (pkg *mempool.Package, result mempool.Result, err error) {
	err = o.Do(ctx, func(s *State) error {
		result, err = s.change(func(tip mempool.Tip) (mempool.Result, error) {
			pkg, result, err = s.Pool.AcceptPackage(txs, tip, opts)
			return result, err
		})
		return err
	})
	return pkg, result, err
}

func (o *Owner) proposePackage(txs []*consensus.Tx, opts mempool.Options) (pkg *mempool.Package, err error) {
	for _, tx := range txs {
		if err := o.warm(tx); err != nil {
			return nil, err
		}
	}
	err = o.ReadTip(func(at *chain.TipState) error {
		pkg, err = o.state.Pool.ProposePackage(txs, o.mempoolTip(at, shownCoins{at}), opts)
		return err
	})
	return pkg, err
}

// TryPackage tells whether transactions, parents first, would all be accepted; see
// mempool.Pool.TryPackage for the errors. If the scripts of one are invalid, the package
// is returned, too: those before it are valid. It waits for no block, as ProcessTx.
func (o *Owner) TryPackage(ctx context.Context, txs []*consensus.Tx) (pkg *mempool.Package, err error) {
	for _, tx := range txs {
		if err := o.warm(tx); err != nil {
			return nil, err
		}
	}
	err = o.ReadTip(func(at *chain.TipState) error {
		pkg, err = o.state.Pool.TryPackage(txs, o.mempoolTip(at, shownCoins{at}))
		return err
	})
	if errors.Is(err, chain.ErrFar) {
		err = o.Do(ctx, func(s *State) error {
			_, err := s.change(func(tip mempool.Tip) (mempool.Result, error) {
				pkg, err = s.Pool.TryPackage(txs, tip)
				return mempool.Result{}, err
			})
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return pkg, o.state.Pool.VerifyPackage(pkg, o.runScripts(ctx))
}
