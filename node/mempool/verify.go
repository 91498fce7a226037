package mempool

import (
	"bytes"
	"errors"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// rules are those that scripts are verified by.
type rules struct {
	policy txscript.ScriptFlags // of the pool
	block  txscript.ScriptFlags // of the next block
}

// verified is what scripts were valid for.
type verified struct {
	rules
	spent []wire.TxOut // nil if they were not run
}

// rulesFor are the same where transactions need not be standard: what a soft fork
// may forbid is not to lie in wait (as in Bitcoin Core).
func rulesFor(c *candidate) rules { return rules{StandardFlags, c.tip.Flags} }

// covers reports whether the scripts of a candidate are valid, too. Fewer rules
// refuse nothing that more allow.
func (v *verified) covers(c *candidate) bool {
	now := rulesFor(c)
	if now.policy&^v.policy != 0 || now.block&^v.policy != 0 && now.block&^v.block != 0 || len(v.spent) != len(c.spent) {
		return false
	}
	for i := range v.spent {
		if v.spent[i].Value != c.spent[i].Value || !bytes.Equal(v.spent[i].PkScript, c.spent[i].Script) {
			return false
		}
	}
	return true
}

// MaxRateReason is the reason for which a transaction is refused that pays more than
// Options.MaxRate.
const MaxRateReason = "max-fee-exceeded"

// Run runs scripts, as script.Verifier.VerifyTx does.
type Run func(job script.Job, also txscript.ScriptFlags) error

// Verify lets run see to the scripts of a proposal, and compares its fee with the most that it may pay. It may be called from
// anywhere at any time, and needs neither pool nor chain.
func (p *Pool) Verify(pr *Proposal, run Run) error {
	c := pr.c
	v := verified{rules: rulesFor(c), spent: make([]wire.TxOut, len(c.spent))}
	for i := range c.spent {
		v.spent[i] = wire.TxOut{Value: c.spent[i].Value, PkScript: c.spent[i].Script}
	}
	err := run(script.Job{Tx: c.Tx.MsgTx, Wtxid: c.Tx.WitnessID, Spent: v.spent, Flags: v.policy}, v.block)
	var failed *script.Error
	if errors.As(err, &failed) {
		result := consensus.NotStandard
		if !c.Tx.HasWitness() && spendsWitnessProgram(c.Tx, c.spent) {
			result = consensus.WitnessStripped
		}
		return consensus.Rejectf(result, "mempool-script-verify-flag-failed ("+failed.Reason+")", "%s", failed.Detail())
	}
	if err == nil && c.tooDear() {
		return consensus.Rejectf(consensus.Policy, MaxRateReason, "")
	}
	pr.verified = v
	return err
}

// tooDear reports whether more is paid than who sends it wants. Of one alone Bitcoin Core
// compares the fee, rounded; of a package's members the rate, with priority.
func (c *candidate) tooDear() bool {
	switch most := c.opts.MaxRate; {
	case most <= 0:
		return false
	case c.opts.OfPackage:
		return compareRates(c.modified(), c.VSize, int64(most), 1000) > 0
	default:
		return c.Fee > most.Fee(c.VSize)
	}
}
