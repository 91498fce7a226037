package orphanage

import (
	"slices"

	"github.com/bulkheadnode/bulkhead/node/download"
)

// trim makes room: who exceeds its share the most loses what it announced first.
func (o *Orphanage) trim() {
	for o.score > MaxScore || o.weight > PeerWeight*max(len(o.peers), 1) {
		peer, of := o.greediest()
		o.retract(of.first(peer), peer)
	}
}

// greediest returns the peer whose part of its share is the largest. As long as a
// bound is exceeded there is one.
func (o *Orphanage) greediest() (worst download.Holder, of *share) {
	// Shares of both bounds, by a common denominator.
	scoreShare := max(MaxScore/len(o.peers), 1)
	part := func(s *share) int { return max(s.weight*scoreShare, s.score*PeerWeight) }
	for peer, s := range o.peers {
		if of == nil || part(s) > part(of) {
			worst, of = peer, s
		}
	}
	return worst, of
}

// first returns what a peer announced first of what is kept for it.
func (s *share) first(peer download.Holder) *Orphan {
	for !slices.Contains(s.order[0].Peers, peer) {
		s.order = s.order[1:]
	}
	return s.order[0]
}

// retract forgets that a peer announced an orphan, and the orphan if nobody else
// did.
func (o *Orphanage) retract(orphan *Orphan, peer download.Holder) {
	i := slices.Index(orphan.Peers, peer)
	if i < 0 {
		return
	}
	orphan.Peers = slices.Delete(orphan.Peers, i, i+1)
	o.unshare(orphan, peer)
	if len(orphan.Peers) == 0 {
		o.drop(orphan)
	}
}

// unshare takes an orphan off a peer's share.
func (o *Orphanage) unshare(orphan *Orphan, peer download.Holder) {
	of := o.peers[peer]
	of.weight -= orphan.Tx.Weight()
	of.score -= orphan.score()
	o.score -= orphan.score()
	if of.score == 0 {
		delete(o.peers, peer)
	} else if len(of.order) > 2*of.score+8 {
		of.order = slices.DeleteFunc(of.order, func(other *Orphan) bool {
			return other == orphan || !slices.Contains(other.Peers, peer)
		})
	}
}

// drop takes an orphan out of the maps.
func (o *Orphanage) drop(orphan *Orphan) {
	orphan.Peers = nil
	delete(o.byWtxid, orphan.Tx.WitnessID)
	o.weight -= orphan.Tx.Weight()
	for _, in := range orphan.Tx.TxIn {
		set := o.spends[in.PreviousOutPoint]
		delete(set, orphan)
		if len(set) == 0 {
			delete(o.spends, in.PreviousOutPoint)
		}
	}
}
