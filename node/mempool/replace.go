package mempool

import (
	"fmt"
	"strings"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// maxConflictClusters is how many clusters a replacement may disturb.
const maxConflictClusters = 100

// checkRelatives verifies the rules about parents, children and conflicts.
func (p *Pool) checkRelatives(c *candidate) error {
	c.replaces = map[*Entry]struct{}{}
	if c.opts.Bypass {
		return p.checkCluster(c) // which costs too much above its limit, wherever it is from
	}
	if err := p.checkTRUC(c); err != nil {
		return err
	}
	if len(c.conflicts) > 0 {
		if err := p.checkReplacement(c); err != nil {
			return err
		}
	}
	if err := p.checkCluster(c); err != nil {
		return err
	}
	if len(c.conflicts) > 0 && !p.improvesDiagram(c) {
		return consensus.Rejectf(consensus.Reconsiderable, "replacement-failed", "insufficient feerate: does not improve feerate diagram")
	}
	return p.checkDustSpent(c)
}

// checkReplacement verifies that a replacement does not depend on what it
// replaces, disturbs little, and pays for itself.
func (p *Pool) checkReplacement(c *candidate) error {
	for parent := range c.parents {
		for ancestor := range parent.ancestors() {
			if _, conflicts := c.conflicts[ancestor]; conflicts {
				return consensus.Rejectf(consensus.Invalid, "bad-txns-spends-conflicting-tx",
					"%s spends conflicting transaction %s", c.Tx.ID, ancestor.Tx.ID)
			}
		}
	}
	suffix := ""
	if c.evictsSibling {
		suffix = " (including sibling eviction)"
	}
	if clusters := c.displace(); clusters > maxConflictClusters {
		return consensus.Rejectf(consensus.Policy, "too many potential replacements"+suffix,
			"rejecting replacement %s; too many conflicting clusters (%d > %d)", c.Tx.ID, clusters, maxConflictClusters)
	}
	if why := p.unpaid(c, c.modified(), c.VSize); why != "" {
		return consensus.Rejectf(consensus.Reconsiderable, "insufficient fee"+suffix, "%s", why)
	}
	return nil
}

// displace notes what goes with the candidate's conflicts, and returns of how many
// clusters they are.
func (c *candidate) displace() int {
	clusters := map[*cluster]struct{}{}
	for conflict := range c.conflicts {
		clusters[conflict.cluster] = struct{}{}
		for e := range conflict.descendants() {
			c.replaces[e] = struct{}{}
		}
	}
	return len(clusters)
}

// unpaid tells why a fee, in satoshi, for so many vbytes does not pay for what the
// candidate replaces and for its own way; "" if it does.
func (p *Pool) unpaid(c *candidate, fee, vsize int64) string {
	old, _ := totals(c.replaces)
	if fee < old {
		return fmt.Sprintf("rejecting replacement %s, less fees than conflicting txs; %s < %s", c.Tx.ID, money(fee), money(old))
	}
	if least := p.cfg.Incremental.Fee(vsize); fee-old < least {
		return fmt.Sprintf("rejecting replacement %s, not enough additional fees to relay; %s < %s", c.Tx.ID, money(fee-old), money(least))
	}
	return ""
}

// money formats satoshi with at least two decimals.
func money(sat int64) string {
	sign := ""
	if sat < 0 {
		sign, sat = "-", -sat
	}
	text := fmt.Sprintf("%s%d.%08d", sign, sat/consensus.Coin, sat%consensus.Coin)
	whole, decimals, _ := strings.Cut(text, ".")
	if decimals = strings.TrimRight(decimals, "0"); len(decimals) < 2 {
		decimals += "00"[len(decimals):]
	}
	return whole + "." + decimals
}

// affected returns the entries whose clusters the candidate touches.
func (c *candidate) affected() map[*Entry]struct{} {
	all := map[*Entry]struct{}{}
	for _, set := range []map[*Entry]struct{}{c.parents, c.replaces} {
		for e := range set {
			for member := range e.cluster.members {
				all[member] = struct{}{}
			}
		}
	}
	return all
}

// joined returns the cluster the candidate would be in, without itself.
func (c *candidate) joined() map[*Entry]struct{} {
	set := map[*Entry]struct{}{}
	var queue []*Entry
	add := func(e *Entry) {
		_, known := set[e]
		_, gone := c.replaces[e]
		if !known && !gone {
			set[e] = struct{}{}
			queue = append(queue, e)
		}
	}
	for parent := range c.parents {
		add(parent)
	}
	for at := 0; at < len(queue); at++ {
		for e := range queue[at].parents {
			add(e)
		}
		for e := range queue[at].children {
			add(e)
		}
	}
	return set
}

func (p *Pool) checkCluster(c *candidate) error {
	set := c.joined()
	if len(set)+1 > p.cfg.ClusterCount || totalWeight(set)+c.Weight > p.cfg.ClusterVSize*consensus.WitnessScale {
		return consensus.Rejectf(consensus.Policy, "too-large-cluster", "")
	}
	return nil
}

// improvesDiagram compares what miners could earn before and after the
// replacement.
func (p *Pool) improvesDiagram(c *candidate) bool {
	affected := c.affected()
	var before, after []chunk
	seen := map[*cluster]struct{}{}
	for e := range affected {
		if _, done := seen[e.cluster]; !done {
			seen[e.cluster] = struct{}{}
			before = append(before, e.cluster.linearized()...)
		}
	}
	// The candidate is not linked to its parents, which need not know of it to
	// be ordered with it.
	self := &Entry{Tx: c.Tx, Fee: c.Fee, Weight: c.Weight, delta: c.delta, parents: c.parents}
	rest := c.joined()
	together := map[*Entry]struct{}{self: {}}
	for e := range rest {
		together[e] = struct{}{}
	}
	after = append(after, chunked(linearize(together))...)
	for e := range affected {
		_, gone := c.replaces[e]
		_, within := together[e]
		if gone || within {
			continue
		}
		part := remaining(e, c.replaces)
		for member := range part {
			together[member] = struct{}{}
		}
		after = append(after, chunked(linearize(part))...)
	}
	return improves(after, before)
}

// remaining returns what stays connected with e when gone is gone.
func remaining(e *Entry, gone map[*Entry]struct{}) map[*Entry]struct{} {
	return e.closure(func(e *Entry) map[*Entry]struct{} {
		next := map[*Entry]struct{}{}
		for _, set := range []map[*Entry]struct{}{e.parents, e.children} {
			for other := range set {
				if _, left := gone[other]; !left {
					next[other] = struct{}{}
				}
			}
		}
		return next
	})
}

// checkDustSpent verifies that a child of a parent with dust spends
// the dust too: it must not outlive its transaction.
func (p *Pool) checkDustSpent(c *candidate) error {
	if !p.cfg.RequireStandard {
		return nil
	}
	for parent := range c.parents {
		for _, index := range p.cfg.dustOutputs(parent.Tx) {
			if !spendsOutput(c.Tx, parent.Tx, uint32(index)) {
				return consensus.Rejectf(consensus.Policy, "missing-ephemeral-spends",
					"tx %s (wtxid=%s) did not spend parent's ephemeral dust", c.Tx.ID, c.Tx.WitnessID)
			}
		}
	}
	return nil
}

func spendsOutput(tx, parent *consensus.Tx, index uint32) bool {
	for _, in := range tx.TxIn {
		if in.PreviousOutPoint.Hash == parent.ID && in.PreviousOutPoint.Index == index {
			return true
		}
	}
	return false
}
