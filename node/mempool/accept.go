package mempool

import (
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
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
	// OfPackage: it is sent with others, with which it may be accepted together.
	OfPackage bool
	// Unheard notes it as AddUnheard does.
	Unheard bool
	// Time is when it entered a mempool before, Unix seconds; zero for now.
	Time int64
	// Package holds transactions that are to be tested together, parents
	// first: those before this one, whose outputs it may spend.
	Package []*consensus.Tx
	// Untrimmed leaves the pool's limits to a Limit that follows: the transaction is one
	// of a package.
	Untrimmed bool
	// together leaves out the least fee rates: they are for all of a package.
	together bool
}

// entered is the time of an entry.
func (o Options) entered(tip Tip) int64 {
	if o.Time != 0 {
		return o.Time
	}
	return tip.Now
}

// Result is an accepted transaction.
type Result struct {
	Entry *Entry
	// Paid is the entry's fee, in satoshi, with the priority that it had.
	Paid     int64
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
	confirmed []found // what the inputs spend, in the chain
	spent     []coins.Coin
	parents   map[*Entry]struct{}
	conflicts map[*Entry]struct{} // spend the same
	replaces  map[*Entry]struct{} // those and their descendants
	replaced  []*Entry            // likewise, parents first
	// evictsSibling: among the conflicts is a child of the same TRUC parent.
	evictsSibling bool
}

// found is a coin of the chain, if it is there.
type found struct {
	coin  coins.Coin
	there bool
}

// lookUp finds what the inputs spend in the chain. It may wait for the disk, so
// the pool is not locked.
func (c *candidate) lookUp() (err error) {
	c.confirmed = make([]found, len(c.Tx.TxIn))
	for i := range c.confirmed {
		f := &c.confirmed[i]
		if f.coin, f.there, err = c.tip.Coins.Get(c.Tx.TxIn[i].PreviousOutPoint); err != nil {
			return err
		}
	}
	return nil
}

// checkWithin verifies what depends on chain and pool.
func (p *Pool) checkWithin(c *candidate) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	c.delta = p.deltas[c.Tx.ID]
	for _, check := range []func(*candidate) error{p.checkConflicts, p.checkSpent, p.checkFees, p.checkRelatives} {
		if err := check(c); err != nil {
			return err
		}
	}
	c.replaced = parentsFirst(c.replaces)
	return nil
}

// finish puts the candidate in and what it replaces out.
func (p *Pool) finish(c *candidate) error {
	p.takeAll(c.replaces, ByReplaced, c.Entry)
	if !c.opts.Bypass {
		c.Sequence = p.sequence
	}
	p.insert(c.Entry)
	if c.opts.Unheard {
		p.unheard[c.Tx.ID] = struct{}{}
	}
	// The floor may rise because of this transaction, which is then the first
	// to go: nobody hears of it.
	if !c.opts.Bypass && !c.opts.Untrimmed {
		p.floor = p.fallen(c.tip.Now)
		p.expire(c.tip.Now)
		p.trim(c.Entry)
		if p.entries[c.Tx.ID] == nil {
			return consensus.Rejectf(consensus.Reconsiderable, FullReason, "")
		}
	}
	alone := !c.opts.Bypass && !c.opts.Untrimmed && len(c.Entry.parents) == 0
	p.events = append(p.events, Added{Entry: c.Entry, Spent: c.spent, Sequence: p.nextSequence(), Alone: alone})
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
		coin, there, pooled := p.coin(c, i)
		switch {
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
	if missing != nil {
		return &MissingError{consensus.Rejectf(consensus.MissingInputs, "bad-txns-inputs-missingorspent", ""), missing}
	}
	return nil
}

// alreadyKnown finds out whether inputs are missing because the transaction
// itself spent them.
func (c *candidate) alreadyKnown() error {
	for i := range c.Tx.TxOut {
		if _, there, err := c.tip.Coins.Get(wire.OutPoint{Hash: c.Tx.ID, Index: uint32(i)}); err != nil || there {
			return errors.Join(err, consensus.Rejectf(consensus.Conflict, "txn-already-known", ""))
		}
	}
	return nil
}

func (p *Pool) checkFees(c *candidate) error {
	if p.cfg.RequireStandard && (c.Fee != 0 || c.modified() != 0) && len(p.cfg.dustOutputs(c.Tx)) > 0 {
		return consensus.Rejectf(consensus.NotStandard, "dust", "tx with dust output must be 0-fee")
	}
	if c.SigOps > maxStandardSigOpsCost {
		return consensus.Rejectf(consensus.NotStandard, "bad-txns-too-many-sigops", "%d", c.SigOps)
	}
	if c.opts.Bypass || c.opts.together {
		return nil
	}
	return p.checkFloors(c.modified(), c.VSize, c.tip.Now)
}

// checkFloors verifies that a fee, in satoshi, is enough for so many vbytes.
func (p *Pool) checkFloors(fee, vsize, now int64) error {
	if least := p.floorRate(now).Fee(vsize); least > 0 && fee < least {
		return consensus.Rejectf(consensus.Reconsiderable, "mempool min fee not met", "%d < %d", fee, least)
	}
	if least := p.cfg.MinRelay.Fee(vsize); fee < least {
		return consensus.Rejectf(consensus.Reconsiderable, "min relay fee not met", "%d < %d", fee, least)
	}
	return nil
}
