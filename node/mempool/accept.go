package mempool

import (
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// MissingError is the error about a transaction whose inputs are unknown.
type MissingError struct {
	*consensus.Reject
	Parents []chainhash.Hash // txids
}

func (e *MissingError) Unwrap() error { return e.Reject }

// Options change how a transaction is looked at.
type Options struct {
	Test bool // do everything but add it
	// Bypass leaves out fees and all limits but the cluster's: the transaction
	// was in a block. Its entry has the sequence 0.
	Bypass bool
	// MaxRate refuses a transaction that pays more; zero for any fee.
	MaxRate Rate
	// Package holds transactions that are to be tested together, parents
	// first: those before this one, whose outputs it may spend.
	Package []*consensus.Tx
}

// Result is an accepted transaction.
type Result struct {
	Entry    *Entry
	Replaced []*Entry
	// Events is what happened to the pool, also to a transaction that was
	// refused for want of room.
	Events []Event
}

// candidate is a transaction on its way in.
type candidate struct {
	*Entry
	opts      Options
	tip       Tip
	spent     []coins.Coin
	parents   map[*Entry]struct{}
	conflicts map[*Entry]struct{} // spend the same
	replaces  map[*Entry]struct{} // those and their descendants
}

// Accept adds a transaction to the pool, or tells why not: a *MissingError, a
// *consensus.Reject, or an error of the database.
func (p *Pool) Accept(tx *consensus.Tx, tip Tip, opts Options) (Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	result, err := p.accept(tx, tip, opts)
	result.Events = p.takeEvents()
	return result, err
}

func (p *Pool) accept(tx *consensus.Tx, tip Tip, opts Options) (Result, error) {
	c := &candidate{Entry: &Entry{Tx: tx, Time: tip.Now, Height: tip.Height}, opts: opts, tip: tip}
	c.delta = p.deltas[tx.ID]
	for _, check := range []func(*candidate) error{
		p.checkAlone, p.checkConflicts, p.checkSpent, p.checkFees, p.checkRelatives, p.checkScripts,
	} {
		if err := check(c); err != nil {
			return Result{}, err
		}
	}
	if opts.MaxRate > 0 && c.Fee > opts.MaxRate.Fee(c.VSize) {
		return Result{}, consensus.Rejectf(consensus.Policy, "max-fee-exceeded", "")
	}
	result := Result{Entry: c.Entry, Replaced: parentsFirst(c.replaces)}
	if opts.Test {
		return result, nil
	}
	return result, p.finish(c)
}

// finish puts the candidate in and what it replaces out.
func (p *Pool) finish(c *candidate) error {
	p.takeAll(c.replaces, ByReplaced, c.Entry)
	if !c.opts.Bypass {
		c.Sequence = p.sequence
	}
	p.insert(c.Entry)
	// The floor may rise because of this transaction, which is then the first
	// to go: nobody hears of it.
	if !c.opts.Bypass {
		p.expire(c.tip.Now)
		p.trim(c.Entry)
		if p.entries[c.Tx.ID] == nil {
			return consensus.Rejectf(consensus.Reconsiderable, "mempool full", "")
		}
	}
	p.events = append(p.events, Added{Entry: c.Entry, Spent: c.spent, Sequence: p.nextSequence()})
	return nil
}

// checkAlone verifies what can be told from the transaction itself.
func (p *Pool) checkAlone(c *candidate) error {
	tx := c.Tx
	if reject := consensus.CheckTx(tx); reject != nil {
		return reject
	}
	if tx.IsCoinbase() {
		return consensus.Rejectf(consensus.Invalid, "coinbase", "")
	}
	if p.cfg.RequireStandard {
		if reason := p.cfg.notStandard(tx); reason != "" {
			return consensus.Rejectf(consensus.NotStandard, reason, "")
		}
	}
	if tx.StrippedSize < minStrippedSize {
		return consensus.Rejectf(consensus.NotStandard, "tx-size-small", "")
	}
	if !consensus.IsFinal(tx, c.tip.Height+1, c.tip.MedianTime) {
		return consensus.Rejectf(consensus.Premature, "non-final", "")
	}
	return nil
}

func (p *Pool) checkConflicts(c *candidate) error {
	if p.byWtxid[c.Tx.WitnessID] != nil {
		return consensus.Rejectf(consensus.Conflict, "txn-already-in-mempool", "")
	}
	if p.entries[c.Tx.ID] != nil {
		return consensus.Rejectf(consensus.Conflict, "txn-same-nonwitness-data-in-mempool", "")
	}
	c.conflicts = map[*Entry]struct{}{}
	for _, in := range c.Tx.TxIn {
		if other := p.spends[in.PreviousOutPoint]; other != nil {
			if c.opts.Bypass {
				return consensus.Rejectf(consensus.Policy, "bip125-replacement-disallowed", "")
			}
			c.conflicts[other] = struct{}{}
		}
	}
	return nil
}

// checkSpent finds the coins and verifies what depends on them.
func (p *Pool) checkSpent(c *candidate) error {
	if err := p.findCoins(c); err != nil {
		return err
	}
	next := c.tip.Height + 1
	locks := consensus.SequenceLocks(c.Tx, c.heights, func(height int32) int64 {
		if height >= c.tip.Height {
			return c.tip.MedianTime
		}
		return c.tip.MedianTimeAt(height)
	})
	if !locks.Passed(next, c.tip.MedianTime) {
		return consensus.Rejectf(consensus.Premature, "non-BIP68-final", "")
	}
	fee, reject := consensus.CheckInputs(c.Tx, c.spent, next)
	if reject != nil {
		return reject
	}
	c.Fee = fee
	if p.cfg.RequireStandard {
		if reject := checkInputs(c.Tx, c.spent); reject != nil {
			return reject
		}
		if c.Tx.HasWitness() && !standardWitness(c.Tx, c.spent) {
			return consensus.Rejectf(consensus.WitnessMutated, "bad-witness-nonstandard", "")
		}
	}
	c.SigOps = consensus.SigOpsCost(c.Tx, c.spent, StandardFlags)
	c.Weight = max(int64(c.Tx.Weight()), int64(c.SigOps*p.cfg.BytesPerSigOp))
	c.VSize = (c.Weight + consensus.WitnessScale - 1) / consensus.WitnessScale
	return nil
}

func (p *Pool) findCoins(c *candidate) error {
	c.spent = make([]coins.Coin, len(c.Tx.TxIn))
	c.heights = make([]int32, len(c.Tx.TxIn))
	c.parents = map[*Entry]struct{}{}
	var missing []chainhash.Hash
	for i, in := range c.Tx.TxIn {
		coin, there, pooled, err := p.coin(in.PreviousOutPoint, c.opts.Package)
		switch {
		case err != nil:
			return err
		case !there:
			missing = append(missing, in.PreviousOutPoint.Hash)
			continue
		case pooled:
			if parent := p.entries[in.PreviousOutPoint.Hash]; parent != nil {
				c.parents[parent] = struct{}{}
			}
			c.heights[i] = c.tip.Height + 1
		default:
			c.heights[i] = coin.Height
		}
		c.spent[i] = coin
		c.SpendsCoinbase = c.SpendsCoinbase || coin.Coinbase
	}
	if missing == nil {
		return nil
	}
	for i := range c.Tx.TxOut {
		if _, there, err := p.cfg.Coins.Get(wire.OutPoint{Hash: c.Tx.ID, Index: uint32(i)}); err != nil || there {
			return errors.Join(err, consensus.Rejectf(consensus.Conflict, "txn-already-known", ""))
		}
	}
	return &MissingError{consensus.Rejectf(consensus.MissingInputs, "bad-txns-inputs-missingorspent", ""), missing}
}

func (p *Pool) checkFees(c *candidate) error {
	if p.cfg.RequireStandard && (c.Fee != 0 || c.modified() != 0) && len(p.cfg.dustOutputs(c.Tx)) > 0 {
		return consensus.Rejectf(consensus.NotStandard, "dust", "tx with dust output must be 0-fee")
	}
	if c.SigOps > maxStandardSigOpsCost {
		return consensus.Rejectf(consensus.NotStandard, "bad-txns-too-many-sigops", "%d", c.SigOps)
	}
	if c.opts.Bypass {
		return nil
	}
	if least := p.floorRate(c.tip.Now).Fee(c.VSize); least > 0 && c.modified() < least {
		return consensus.Rejectf(consensus.Reconsiderable, "mempool min fee not met", "%d < %d", c.modified(), least)
	}
	if least := p.cfg.MinRelay.Fee(c.VSize); c.modified() < least {
		return consensus.Rejectf(consensus.Reconsiderable, "min relay fee not met", "%d < %d", c.modified(), least)
	}
	return nil
}

func (p *Pool) checkScripts(c *candidate) error {
	job := script.Job{Tx: c.Tx.MsgTx, Wtxid: c.Tx.WitnessID, Spent: make([]wire.TxOut, len(c.spent)), Flags: StandardFlags}
	for i := range c.spent {
		job.Spent[i] = wire.TxOut{Value: c.spent[i].Value, PkScript: c.spent[i].Script}
	}
	if !p.cfg.RequireStandard {
		job.Flags = c.tip.Flags
	}
	err := p.cfg.Verifier.Verify([]script.Job{job}, false)
	if err == nil {
		// So that the next block need not run them again.
		job.Flags = c.tip.Flags
		err = p.cfg.Verifier.Verify([]script.Job{job}, true)
	}
	var failed *script.Error
	if errors.As(err, &failed) {
		return consensus.Rejectf(consensus.NotStandard, "mempool-script-verify-flag-failed ("+failed.Reason+")", "%s", failed.Detail())
	}
	return err
}
