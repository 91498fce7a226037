package relay

import (
	"context"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// maxFlight is how many peers may be asked for the transactions of one compact
// block at a time (Bitcoin Core's MAX_CMPCTBLOCKS_INFLIGHT_PER_BLOCK): one that
// stalls is not to keep the block from us.
const maxFlight = 3

// source is a peer that was asked for a block, the first of a flight by a lease.
type source struct {
	holder   download.Holder
	outbound bool
}

// joinFlight notes that a peer is asked for a block. first tells that nobody was
// before it. ask is false if enough others were: the last place is kept for a peer
// that we chose, unless one of those is there.
func (d *downloads) joinFlight(ctx context.Context, h download.Holder, hash chainhash.Hash, outbound, announced bool) (first, ask bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return false, false
	}
	now := time.Now()
	flight := d.flights[hash]
	if owner, leased := d.leases.Holder(hash, now); leased && !slices.ContainsFunc(flight, func(s source) bool { return s.holder == owner }) {
		flight = append([]source{{holder: owner}}, flight...)
	}
	mine := slices.IndexFunc(flight, func(s source) bool { return s.holder == h })
	others := len(flight)
	if mine >= 0 {
		others--
	}
	first = len(flight) == 0 || mine == 0
	chosen := outbound || slices.ContainsFunc(flight, func(s source) bool { return s.outbound })
	ask = first || announced && others < maxFlight && (chosen || others < maxFlight-1)
	if !ask || mine < 0 && len(d.flights) >= maxSenders {
		return first, ask
	}
	if mine < 0 {
		flight = append(flight, source{h, outbound})
	}
	d.flights[hash] = flight
	d.leases.Grant(h, []chainhash.Hash{hash}, 1, now)
	return first, ask
}

// leaveFlight forgets that a peer was asked for a block.
func (d *downloads) leaveFlight(h download.Holder, hash chainhash.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flights.leave(hash, func(other download.Holder) bool { return other == h })
}

// flights are the peers that were asked for transactions of compact blocks.
type flights map[chainhash.Hash][]source

func (f flights) leave(hash chainhash.Hash, gone func(download.Holder) bool) {
	f[hash] = slices.DeleteFunc(f[hash], func(s source) bool { return gone(s.holder) })
	if len(f[hash]) == 0 {
		delete(f, hash)
	}
}

func (f flights) forget(gone func(download.Holder) bool) {
	for hash := range f {
		f.leave(hash, gone)
	}
}

// maxAnnouncers is how many peers are asked to announce blocks as compact blocks
// (BIP152).
const maxAnnouncers = 3

// announcers are those peers, the one that was first longest ago in front.
type announcers []source

func (a *announcers) forget(gone func(download.Holder) bool) {
	*a = slices.DeleteFunc(*a, func(s source) bool { return gone(s.holder) })
}

// promote puts a peer among the announcers. A peer that chose us does not take
// the place of the last one that we chose: else strangers could fill all places.
func (a *announcers) promote(h source) (added bool, relieved *source) {
	list := *a
	if i := slices.IndexFunc(list, func(s source) bool { return s.holder == h.holder }); i >= 0 {
		*a = append(slices.Delete(list, i, i+1), h)
		return false, nil
	}
	if len(list) >= maxAnnouncers {
		chosen := 0
		for _, s := range list {
			if s.outbound {
				chosen++
			}
		}
		out := 0
		if !h.outbound && chosen == 1 && list[0].outbound {
			out = 1
		}
		gone := list[out]
		relieved = &gone
		list = slices.Delete(list, out, out+1)
	}
	*a = append(list, h)
	return true, relieved
}

func (d *downloads) promote(ctx context.Context, s source) (added bool, relieved *source) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return false, nil
	}
	return d.announcers.promote(s)
}

// reward makes a peer that brought a new block of the best chain one of those who
// announce blocks as compact blocks. It reports whether the peer is to be asked.
func (r *Relay) reward(ctx context.Context, h download.Holder, v chainstate.Verdict, c p2p.Compact) (ask bool) {
	view := r.chain.View()
	if !c.Provides || !v.New || v.Reject != nil || view.Initial || !view.Contains(v.At) {
		return false
	}
	added, relieved := r.downloads.promote(ctx, source{h, c.Outbound})
	if relieved != nil {
		r.cfg.Feed.TellPeer(relieved.holder.Worker, p2p.PeerEvent{Peer: relieved.holder.Peer, Relieved: true})
	}
	return added
}
