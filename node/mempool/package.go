package mempool

import (
	"errors"
	"fmt"
	"maps"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Package is a child and parents of it that pay too little alone: the pool takes
// them together or not at all. One goroutine at a time uses it.
type Package struct {
	members []*Proposal // parents first
	tip     Tip
	opts    Options
	// fee is what all pay together, in satoshi, with priority, for so many vbytes: as
	// it was when the pool looked at it last.
	fee, vsize int64
}

// PackageError tells why a package was refused. Tx is the transaction that was at
// fault, nil if it was the package. Message is what the package itself is said to have
// failed for, if that is more than one of its transactions.
type PackageError struct {
	Tx      *consensus.Tx
	Err     error
	Message string
}

func (e *PackageError) Error() string { return "package: " + e.Err.Error() }

func (e *PackageError) Unwrap() error { return e.Err }

// FullReason is why a transaction is refused for which there is no room.
const FullReason = "mempool full"

// Full reports that the package had entered and was evicted, as it pays least of all.
func (e *PackageError) Full() bool {
	var reject *consensus.Reject
	return errors.As(e.Err, &reject) && reject.Reason == FullReason
}

// maxPackageWeight is the weight units that a package may have.
const maxPackageWeight = 404_000

// CheckPackage verifies what can be told from the transactions of a package
// themselves: that there are not too many bytes, parents come first, and none conflicts
// with another.
func CheckPackage(txs []*consensus.Tx) *consensus.Reject {
	weight, ids, spent := 0, map[chainhash.Hash]struct{}{}, map[wire.OutPoint]struct{}{}
	inputs := 0
	for _, tx := range txs {
		weight += tx.Weight()
		ids[tx.ID] = struct{}{}
	}
	sorted, later := true, maps.Clone(ids)
	for _, tx := range txs {
		delete(later, tx.ID)
		inputs += len(tx.TxIn)
		for _, in := range tx.TxIn {
			spent[in.PreviousOutPoint] = struct{}{}
			if _, spends := later[in.PreviousOutPoint.Hash]; spends {
				sorted = false
			}
		}
	}
	switch {
	case len(txs) == 1: // its own faults are told by others
	case weight > maxPackageWeight:
		return consensus.Rejectf(consensus.Policy, "package-too-large", "")
	case len(ids) != len(txs):
		return consensus.Rejectf(consensus.Policy, "package-contains-duplicates", "")
	case !sorted:
		return consensus.Rejectf(consensus.Policy, "package-not-sorted", "")
	case len(spent) != inputs:
		return consensus.Rejectf(consensus.Policy, "conflict-in-package", "")
	}
	return nil
}

// ProposePackage verifies everything about a child, which comes last, and its
// parents, but their scripts. Fees count together. A single parent and its child may
// replace others if they have no ancestors in the pool. It fails with a
// *PackageError, or one of the database. Of opts, MaxRate bounds what each of them
// pays. It may be called from anywhere at any time.
func (p *Pool) ProposePackage(txs []*consensus.Tx, tip Tip, opts Options) (*Package, error) {
	if reject := CheckPackage(txs); reject != nil {
		return nil, &PackageError{Err: reject}
	}
	pkg := &Package{tip: tip, opts: opts}
	for i, tx := range txs {
		c := &candidate{Entry: &Entry{Tx: tx, Time: tip.Now, Height: tip.Height}, tip: tip}
		c.opts = Options{together: true, OfPackage: true, MaxRate: opts.MaxRate, Package: txs[:i]}
		if err := p.checkAlone(c); err != nil {
			return nil, &PackageError{Tx: tx, Err: err}
		}
		if err := c.lookUp(); err != nil {
			return nil, err
		}
		pkg.members = append(pkg.members, &Proposal{c: c})
	}
	if err := p.checkPackage(pkg); err != nil {
		return nil, err
	}
	return pkg, nil
}

// Members returns the proposals that are to be accepted together.
func (pkg *Package) Members() []*Proposal { return pkg.members }

// Paid returns what all pay together, in satoshi, and their vbytes. The entries may be
// in the pool, which changes their priorities.
func (pkg *Package) Paid() (fee, vsize int64) { return pkg.fee, pkg.vsize }

func (pkg *Package) child() *candidate { return pkg.members[len(pkg.members)-1].c }

// checkPackage verifies what depends on chain and pool.
func (p *Pool) checkPackage(pkg *Package) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, m := range pkg.members {
		m.c.delta = p.deltas[m.c.Tx.ID]
		m.c.replaces = map[*Entry]struct{}{}
		for _, check := range []func(*candidate) error{p.checkConflicts, p.checkSpent, p.checkFees, p.checkTRUC} {
			if err := check(m.c); err != nil {
				return &PackageError{Tx: m.c.Tx, Err: err}
			}
		}
	}
	for _, m := range pkg.members {
		pkg.fee += m.c.modified()
		pkg.vsize += m.c.VSize
	}
	if err := p.checkFloors(pkg.fee, pkg.vsize, pkg.tip.Now); err != nil {
		return &PackageError{Tx: pkg.child().Tx, Err: err}
	}
	ancestors := pkg.link()
	if err := p.checkPackageTRUC(pkg); err != nil {
		return &PackageError{Err: err}
	}
	if err := p.checkPackageRelatives(pkg, ancestors); err != nil {
		return &PackageError{Err: err}
	}
	for _, m := range pkg.members {
		if err := p.checkDustSpent(m.c); err != nil {
			return &PackageError{Tx: m.c.Tx, Err: err, Message: "unspent-dust"}
		}
	}
	pkg.child().replaced = parentsFirst(pkg.child().replaces)
	return nil
}

// link makes parents of those that are in no pool yet, and has the child replace
// what all conflict with. It returns how many parents there were in the pool.
func (pkg *Package) link() (ancestors int) {
	for i, m := range pkg.members {
		c := m.c
		ancestors += len(c.parents)
		for _, earlier := range pkg.members[:i] {
			if spendsFrom(c.Tx, earlier.c.Tx) {
				c.parents[earlier.c.Entry] = struct{}{}
			}
		}
		c.Entry.parents, c.Entry.children = c.parents, map[*Entry]struct{}{}
		c.cluster = &cluster{members: map[*Entry]struct{}{}}
		maps.Copy(pkg.child().conflicts, c.conflicts)
	}
	return ancestors
}

func spendsFrom(tx, parent *consensus.Tx) bool {
	for _, in := range tx.TxIn {
		if in.PreviousOutPoint.Hash == parent.ID {
			return true
		}
	}
	return false
}

// checkPackageTRUC is checkTRUC for linked members.
func (p *Pool) checkPackageTRUC(pkg *Package) error {
	for _, m := range pkg.members {
		if err := p.checkTRUC(m.c); err != nil {
			return err
		}
	}
	return nil
}

// checkPackageRelatives is checkRelatives for linked members.
func (p *Pool) checkPackageRelatives(pkg *Package, ancestors int) error {
	parent, child := pkg.members[0].c, pkg.child()
	if len(child.conflicts) == 0 {
		return p.checkCluster(child)
	}
	refuse := func(why, detail string, args ...any) error {
		return consensus.Rejectf(consensus.Policy, "package RBF failed: "+why, detail, args...)
	}
	if len(pkg.members) != 2 {
		return refuse("package must be 1-parent-1-child", "")
	}
	if ancestors > 0 {
		return refuse("new transaction cannot have mempool ancestors", "")
	}
	if clusters := child.displace(); clusters > maxConflictClusters {
		return refuse("too many potential replacements", "rejecting replacement %s; too many conflicting clusters (%d > %d)", child.Tx.ID, clusters, maxConflictClusters)
	}
	fee, vsize := pkg.Paid()
	if why := p.unpaid(child, fee, vsize); why != "" {
		return refuse("insufficient anti-DoS fees", "%s", why)
	}
	if compareRates(fee, vsize, parent.modified(), parent.VSize) <= 0 {
		return refuse("package feerate is less than or equal to parent feerate", "package feerate %s <= parent feerate is %s", rateText(fee, vsize), rateText(parent.modified(), parent.VSize))
	}
	if err := p.checkCluster(child); err != nil {
		return err
	}
	if !p.improvesDiagram(child) {
		return refuse("insufficient feerate: does not improve feerate diagram", "")
	}
	return nil
}

// rateText formats a fee rate per 1000 vbytes.
func rateText(fee, vsize int64) string {
	return fmt.Sprintf("%d.%08d BTC/kvB", fee*1000/vsize/consensus.Coin, fee*1000/vsize%consensus.Coin)
}

// CommitPackage adds a package whose scripts were verified, after another look. It
// fails as ProposePackage does, or with ErrUnverified: then it is to be verified
// again. The result is the child's.
func (p *Pool) CommitPackage(pkg *Package, tip Tip) (Result, error) {
	var txs []*consensus.Tx
	for _, m := range pkg.members {
		txs = append(txs, m.c.Tx)
	}
	again, err := p.ProposePackage(txs, tip, pkg.opts)
	if err != nil {
		return Result{}, err
	}
	pkg.fee, pkg.vsize = again.fee, again.vsize
	for i, m := range pkg.members {
		m.c = again.members[i].c
		if !m.verified.covers(m.c) {
			return Result{}, ErrUnverified
		}
	}
	for _, m := range pkg.members {
		if tip.Flags != m.verified.block {
			p.cfg.Verifier.Remember(m.c.Tx.WitnessID, tip.Flags)
		}
	}
	return p.enterPackage(pkg)
}

// VerifyPackage is Verify for all members. It fails with a *PackageError if the scripts
// of one are not valid, or it pays too much.
func (p *Pool) VerifyPackage(pkg *Package, run Run) error {
	for _, m := range pkg.members {
		err := p.Verify(m, run)
		var reject *consensus.Reject
		if errors.As(err, &reject) {
			return &PackageError{Tx: m.c.Tx, Err: reject}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// AcceptPackage adds a package to the pool, or tells why not as ProposePackage does. It
// is ProposePackage, VerifyPackage and CommitPackage in one, for who lets nobody else
// change pool or chain meanwhile.
func (p *Pool) AcceptPackage(txs []*consensus.Tx, tip Tip, opts Options) (*Package, Result, error) {
	pkg, err := p.ProposePackage(txs, tip, opts)
	if err != nil {
		return nil, Result{}, err
	}
	if err := p.VerifyPackage(pkg, p.cfg.Verifier.VerifyTx); err != nil {
		return nil, Result{}, err
	}
	result, err := p.enterPackage(pkg)
	return pkg, result, err
}

func (p *Pool) enterPackage(pkg *Package) (Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	child := pkg.child()
	p.takeAll(child.replaces, ByReplaced, child.Entry)
	var newcomers []*Entry
	for _, m := range pkg.members {
		m.c.Sequence = p.sequence
		p.insert(m.c.Entry)
		newcomers = append(newcomers, m.c.Entry)
	}
	p.floor = p.fallen(child.tip.Now)
	p.expire(child.tip.Now)
	p.trim(newcomers...)
	var err error
	for _, m := range pkg.members {
		if p.entries[m.c.Tx.ID] != nil {
			p.events = append(p.events, Added{Entry: m.c.Entry, Spent: m.c.spent, Sequence: p.nextSequence()})
		} else if err == nil {
			err = &PackageError{Tx: m.c.Tx, Err: consensus.Rejectf(consensus.Policy, FullReason, "")}
		}
	}
	result := Result{Entry: child.Entry, Replaced: child.replaced, Events: p.takeEvents()}
	return result, err
}
