package relay

import (
	"context"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// offerWithChild offers a transaction that pays too little alone together with an
// orphan of the same peer that spends it: a stranger's orphans cannot keep the right
// child from being tried. It reports whether the parent came to the mempool by that, be
// it alone.
func (r *Relay) offerWithChild(ctx context.Context, parent *consensus.Tx, peer download.Holder) (added bool, err error) {
	child := r.orphans.childFor(parent, peer)
	if child == nil {
		return false, nil
	}
	defer r.txSenders.add(parent.WitnessID, peer.Peer)()
	defer r.txSenders.add(child.WitnessID, peer.Peer)()
	outcomes, refused, err := r.cfg.Owner.ProcessPackage(ctx, []*consensus.Tx{parent, child}, mempool.Options{})
	if err != nil {
		return false, err
	}
	verdict := "package accepted"
	if refused != nil {
		verdict = "package rejected: " + refused.Error()
		r.orphans.packageRejected(parent, child)
	}
	r.logPackages("package evaluation for parent %s (wtxid=%s, sender=%d) + child %s (wtxid=%s, sender=%d): %s",
		parent.ID, parent.WitnessID, peer.Peer, child.ID, child.WitnessID, peer.Peer, verdict)
	for _, out := range outcomes {
		switch missing, reject, _ := judged(out.Err); {
		case missing != nil:
		case reject != nil:
			r.refused(out.Tx, reject, peer.Peer)
		case out.Known:
			r.decided(out.Tx)
		default:
			r.decided(out.Tx)
			r.logAccepted(out.Tx, peer.Peer)
		}
	}
	return outcomes[0].Err == nil && !outcomes[0].Known, nil
}

// packageHash names a parent with a child.
func packageHash(parent, child *consensus.Tx) chainhash.Hash {
	return chainhash.HashH(append(parent.WitnessID[:], child.WitnessID[:]...))
}
