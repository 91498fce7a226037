package chain

import "github.com/btcsuite/btcd/chainhash/v2"

const twoWeeks = 14 * 24 * 60 * 60

// scriptsMatter decides whether a block's scripts are to be verified: they are
// not if the block is a buried ancestor of one that the user or the release
// vouches for.
func (e *connector) scriptsMatter(n *BlockNode) bool {
	reason := e.verifyReason(n, e.bestHeader)
	if e.scriptReason != reason || e.scriptReason == "" {
		e.emit(ScriptChecks{Node: n, Enabled: reason != vouched, Reason: reason})
		e.scriptReason = reason
	}
	return reason != vouched
}

// vouched is the reason not to verify.
const vouched = "vouched for"

func (r *Reader) verifyReason(n, best *BlockNode) string {
	if r.params.AssumeValid == (chainhash.Hash{}) {
		return "assumevalid=0 (always verify)"
	}
	assumed := r.tree.lookup(r.params.AssumeValid)
	switch {
	case assumed == nil:
		return "assumevalid hash not in headers"
	case n.Height > assumed.Height:
		return "block height above assumevalid height"
	case assumed.Ancestor(n.Height) != n:
		return "block not in assumevalid chain"
	case best.Ancestor(n.Height) != n:
		return "block not in best header chain"
	case best.Work.Cmp(r.params.MinimumWork) < 0:
		return "best header chainwork below minimumchainwork"
	case EquivalentTime(best, n, r.params) <= twoWeeks:
		return "block too recent relative to best header"
	}
	return vouched
}
