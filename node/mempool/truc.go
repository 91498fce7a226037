package mempool

import "github.com/bulkheadnode/bulkhead/node/consensus"

// Version 3 transactions stay small and come at most in pairs, so that they
// can always be replaced (BIP431).
const (
	trucVersion    = 3
	trucVSize      = 10_000
	trucChildVSize = 1_000
)

func (p *Pool) checkTRUC(c *candidate) error {
	reject := func(detail string, args ...any) error {
		return consensus.Rejectf(consensus.Policy, "TRUC-violation", detail, args...)
	}
	isTRUC := c.Tx.Version == trucVersion
	for parent := range c.parents {
		if (parent.Tx.Version == trucVersion) != isTRUC {
			self, other := "version=3", "non-version=3"
			if !isTRUC {
				self, other = other, "version=3"
			}
			return reject("%s tx %s (wtxid=%s) cannot spend from %s tx %s (wtxid=%s)",
				self, c.Tx.ID, c.Tx.WitnessID, other, parent.Tx.ID, parent.Tx.WitnessID)
		}
	}
	if !isTRUC {
		return nil
	}
	if c.VSize > trucVSize {
		return reject("version=3 tx %s (wtxid=%s) is too big: %d > %d virtual bytes", c.Tx.ID, c.Tx.WitnessID, c.VSize, trucVSize)
	}
	for parent := range c.parents {
		if len(c.parents) > 1 || len(parent.parents) > 0 {
			return reject("tx %s (wtxid=%s) would have too many ancestors", c.Tx.ID, c.Tx.WitnessID)
		}
		if c.VSize > trucChildVSize {
			return reject("version=3 child tx %s (wtxid=%s) is too big: %d > %d virtual bytes", c.Tx.ID, c.Tx.WitnessID, c.VSize, trucChildVSize)
		}
		if sibling := c.sibling(parent); sibling != nil {
			// The only sibling may be replaced even though it spends other outputs, but
			// not by one of a package.
			if c.opts.together || len(parent.children) > 1 || len(sibling.children) > 0 || len(sibling.parents) > 1 {
				return reject("tx %s (wtxid=%s) would exceed descendant count limit", parent.Tx.ID, parent.Tx.WitnessID)
			}
			c.conflicts[sibling], c.evictsSibling = struct{}{}, true
		}
	}
	return nil
}

// sibling returns another child of parent that would stay; nil if there is
// none.
func (c *candidate) sibling(parent *Entry) *Entry {
	var sibling *Entry
	for child := range parent.children {
		if _, replaced := c.conflicts[child]; replaced {
			return nil
		}
		sibling = child
	}
	return sibling
}
