package fees

import (
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/wording"
	"github.com/bulkheadnode/bulkhead/node/feerate"
)

// Source is what an estimate goes by, as Bitcoin Core names it.
type Source string

// The sources.
const (
	Lower   Source = "none"           // the lower one of the two
	Policy  Source = "block_policy"   // what became of transactions
	Mempool Source = "mempool_policy" // the mempool as it is
)

// ParseSource returns the source of a name in any case, Lower for one that there is not.
func ParseSource(name string) Source {
	switch s := Source(strings.ToLower(name)); s {
	case Policy, Mempool:
		return s
	}
	return Lower
}

// Estimate is a fee rate with which a transaction is likely to be in a block within so
// many blocks.
type Estimate struct {
	By     Source // Policy or Mempool
	Rate   feerate.Quote
	Blocks int
}

// mempoolBlocks is what the mempool says something about.
const mempoolBlocks = 2

// Estimate returns an estimate for target blocks, 1 to MaxTarget(feerate.Long). If the
// lower one of two is wanted and one is not to be had, there is none. With the error, which
// has Bitcoin Core's text, the estimate has no Rate.
func (f *Fees) Estimate(by Source, target int, conservative bool) (Estimate, error) {
	if by == Mempool {
		return f.byMempool(conservative)
	}
	policy, err := f.byPolicy(target, conservative)
	if by == Policy || err != nil {
		return policy, err
	}
	pool, err := f.byMempool(conservative)
	if err != nil || pool.Rate.Below(policy.Rate) {
		return pool, err
	}
	return policy, nil
}

func (f *Fees) byPolicy(target int, conservative bool) (Estimate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rate, of := f.policy.Smart(target, conservative)
	if rate == 0 {
		return Estimate{By: Policy, Blocks: of}, wording.Errorf("Insufficient data or no feerate found")
	}
	return Estimate{Policy, feerate.PerKvB(rate), of}, nil
}

func (f *Fees) byMempool(conservative bool) (Estimate, error) {
	estimate := Estimate{By: Mempool, Blocks: mempoolBlocks}
	if !f.cfg.Loaded() {
		return estimate, wording.Errorf("%s: Mempool not loaded yet, no fee rate estimate available", Mempool)
	}
	f.mu.Lock()
	why := f.window.Unreliable()
	f.mu.Unlock()
	if why != "" {
		return estimate, wording.Errorf("%s: %s", Mempool, why)
	}
	half, most := f.nextBlock()
	if estimate.Rate = most; conservative {
		estimate.Rate = half
	}
	return estimate, nil
}
