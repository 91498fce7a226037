package mempool

import (
	"maps"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// TryPackage verifies transactions, parents first, as if all of them entered the pool,
// but their scripts: each has to pay for itself, and none may replace another. It fails
// with a *PackageError, or one of the database. It may be called from anywhere at any
// time.
func (p *Pool) TryPackage(txs []*consensus.Tx, tip Tip) (*Package, error) {
	if reject := CheckPackage(txs); reject != nil {
		return nil, &PackageError{Err: reject}
	}
	pkg := &Package{tip: tip, opts: Options{Test: true}}
	for i, tx := range txs {
		c := &candidate{Entry: &Entry{Tx: tx, Time: tip.Now, Height: tip.Height}, tip: tip}
		c.opts = Options{Test: true, Package: txs[:i]}
		if err := p.checkAlone(c); err != nil {
			return nil, &PackageError{Tx: tx, Err: err}
		}
		if err := c.lookUp(); err != nil {
			return nil, err
		}
		pkg.members = append(pkg.members, &Proposal{c: c})
	}
	return pkg, p.tryAll(pkg)
}

// tryAll verifies what depends on chain and pool.
func (p *Pool) tryAll(pkg *Package) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, m := range pkg.members {
		m.c.delta = p.deltas[m.c.Tx.ID]
		m.c.replaces = map[*Entry]struct{}{}
		for _, check := range []func(*candidate) error{p.checkConflicts, p.checkUnreplacing, p.checkSpent, p.checkFees, p.checkOnlyTRUC} {
			if err := check(m.c); err != nil {
				return &PackageError{Tx: m.c.Tx, Err: err}
			}
		}
	}
	pkg.link()
	if err := p.tryTRUC(pkg); err != nil {
		return &PackageError{Err: err}
	}
	if err := p.tryClusters(pkg); err != nil {
		return &PackageError{Err: err}
	}
	for _, m := range pkg.members {
		if err := p.checkDustSpent(m.c); err != nil {
			return &PackageError{Tx: m.c.Tx, Err: err}
		}
	}
	return nil
}

func (p *Pool) checkUnreplacing(c *candidate) error {
	if len(c.conflicts) > 0 {
		return consensus.Rejectf(consensus.Policy, "bip125-replacement-disallowed", "")
	}
	return nil
}

// checkOnlyTRUC is checkTRUC for one that may not take its sibling's place.
func (p *Pool) checkOnlyTRUC(c *candidate) error {
	if err := p.checkTRUC(c); err != nil || len(c.conflicts) == 0 {
		return err
	}
	clear(c.conflicts)
	return consensus.Rejectf(consensus.Policy, "TRUC-violation", "tx %s (wtxid=%s) would exceed descendant count limit", c.Tx.ID, c.Tx.WitnessID)
}

// tryTRUC is checkPackageTRUC for packages in which a parent may have several children.
func (p *Pool) tryTRUC(pkg *Package) error {
	child := map[*Entry]*consensus.Tx{}
	for _, m := range pkg.members {
		for parent := range m.c.parents {
			if other := child[parent]; other != nil && m.c.Tx.Version == trucVersion {
				return consensus.Rejectf(consensus.Policy, "TRUC-violation", "tx %s (wtxid=%s) would exceed descendant count limit", parent.Tx.ID, parent.Tx.WitnessID)
			}
			child[parent] = m.c.Tx
		}
	}
	return p.checkPackageTRUC(pkg)
}

// tryClusters verifies the size of the clusters that the pool would have.
func (p *Pool) tryClusters(pkg *Package) error {
	var clusters []map[*Entry]struct{}
	for _, m := range pkg.members {
		own := m.c.joined()
		own[m.c.Entry] = struct{}{}
		apart := clusters[:0:0]
		for _, other := range clusters {
			if overlap(own, other) {
				maps.Copy(own, other)
			} else {
				apart = append(apart, other)
			}
		}
		clusters = append(apart, own)
	}
	for _, set := range clusters {
		if len(set) > p.cfg.ClusterCount || totalWeight(set) > p.cfg.ClusterVSize*consensus.WitnessScale {
			return consensus.Rejectf(consensus.Policy, "too-large-cluster", "")
		}
	}
	return nil
}

func overlap(a, b map[*Entry]struct{}) bool {
	for e := range a {
		if _, both := b[e]; both {
			return true
		}
	}
	return false
}
