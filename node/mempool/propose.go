package mempool

import (
	"errors"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// ErrUnverified means that a proposal spends something else, or under other rules,
// than its scripts were verified for.
var ErrUnverified = errors.New("what is spent has changed since the scripts were verified")

// Proposal is a transaction that the pool takes if its scripts are valid, as it
// was when Propose or Commit looked at it last. One goroutine at a time uses it.
type Proposal struct {
	c        *candidate
	verified verified
}

// Propose verifies everything but scripts, and fails as Accept does. It may be
// called from anywhere at any time.
func (p *Pool) Propose(tx *consensus.Tx, tip Tip, opts Options) (*Proposal, error) {
	c := &candidate{Entry: &Entry{Tx: tx, Time: opts.entered(tip), Height: tip.Height}, opts: opts, tip: tip}
	if err := p.checkAlone(c); err != nil {
		return nil, err
	}
	if err := c.lookUp(); err != nil {
		return nil, err
	}
	err := p.checkWithin(c)
	if missing := (*MissingError)(nil); errors.As(err, &missing) {
		if known := c.alreadyKnown(); known != nil {
			err = known
		}
	}
	if err != nil {
		return nil, err
	}
	return &Proposal{c: c}, nil
}

// Result is what becomes of a verified proposal.
func (pr *Proposal) Result() Result {
	return Result{Entry: pr.c.Entry, Paid: pr.c.Fee + pr.c.delta, Replaced: pr.c.replaced}
}

// Commit adds a verified proposal, after another look if chain or pool have
// changed in what it depends on. It fails as Accept does, or with ErrUnverified:
// then the proposal is to be verified again.
func (p *Pool) Commit(pr *Proposal, tip Tip) (Result, error) {
	if err := p.reconsider(pr, tip); err != nil {
		return Result{}, err
	}
	if !pr.verified.covers(pr.c) {
		return Result{}, ErrUnverified
	}
	if tip.Flags != pr.verified.block {
		p.cfg.Verifier.Remember(pr.c.Tx.WitnessID, tip.Flags)
	}
	return p.enter(pr)
}

func (p *Pool) enter(pr *Proposal) (Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.finish(pr.c)
	result := pr.Result()
	result.Events = p.takeEvents()
	return result, err
}

// reconsider brings a proposal up to date.
func (p *Pool) reconsider(pr *Proposal, tip Tip) error {
	if disturbed, err := p.touchUp(pr.c, tip); !disturbed {
		return err
	}
	again, err := p.Propose(pr.c.Tx, tip, pr.c.opts)
	if err == nil {
		pr.c = again.c
	}
	return err
}

// touchUp does what reconsider does for a candidate that is by itself: it spends
// coins of the chain only, and nobody else in the pool does. Most are.
func (p *Pool) touchUp(c *candidate, tip Tip) (disturbed bool, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if c.tip.Hash != tip.Hash || c.tip.Flags != tip.Flags || !p.byItself(c) {
		return true, nil
	}
	c.tip, c.Time, c.delta = tip, c.opts.entered(tip), p.deltas[c.Tx.ID]
	return false, p.checkFees(c)
}

func (p *Pool) byItself(c *candidate) bool {
	if p.entries[c.Tx.ID] != nil || len(c.parents) > 0 || len(c.conflicts) > 0 || len(c.opts.Package) > 0 {
		return false
	}
	for _, in := range c.Tx.TxIn {
		if p.spends[in.PreviousOutPoint] != nil || p.entries[in.PreviousOutPoint.Hash] != nil {
			return false
		}
	}
	return true
}

// Accept adds a transaction to the pool, or tells why not: a *MissingError, a
// *consensus.Reject, or an error of the database. It is Propose, Verify and Commit
// in one, for who lets nobody else change pool or chain meanwhile.
func (p *Pool) Accept(tx *consensus.Tx, tip Tip, opts Options) (Result, error) {
	pr, err := p.Propose(tx, tip, opts)
	if err != nil {
		return Result{}, err
	}
	switch err := p.Verify(pr, p.cfg.Verifier.VerifyTx); {
	case err != nil:
		return Result{}, err
	case opts.Test:
		return pr.Result(), nil
	}
	return p.enter(pr)
}
