package relay

import (
	"context"
	"slices"
	"sort"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// lease grants a peer blocks that are missing below the last header it has.
func (r *Relay) lease(ctx context.Context, req p2p.LeaseRequest) (p2p.LeaseReply, error) {
	config := download.DefaultConfig()
	reply := p2p.LeaseReply{Seconds: int(config.Patience / time.Second)}
	if !r.cfg.Loaded() {
		// The block files may have them.
		reply.Retry = true
		return reply, nil
	}
	best := r.chain.Lookup(req.Best)
	view := r.chain.View()
	if best == nil || r.chain.Info(best).Failed || best.Work.Cmp(r.cfg.Params.MinimumWork) < 0 {
		return reply, nil
	}
	max := min(max(req.Max, 0), config.PerPeer)
	if req.Limited && view.Initial {
		max = 0 // it would keep us waiting for old blocks
	}
	var lacks missing
	reply.Hashes = r.downloads.grant(ctx, holder(ctx, req.Peer), max, func() []chainhash.Hash {
		lacks = r.missingFor(view, best, req.Limited)
		return slices.Clone(lacks.hashes)
	})
	reply.Retry = len(reply.Hashes) == 0 && (lacks.more || len(lacks.hashes) > 0)
	r.downloads.waits(ctx, holder(ctx, req.Peer), reply.Retry && max > 0)
	if len(reply.Hashes) == 0 && max > 0 && lacks.limit != nil {
		r.blameStaller(holder(ctx, req.Peer), *lacks.limit)
	}
	return reply, nil
}

// missing is what a peer may be asked for.
type missing struct {
	hashes []chainhash.Hash
	more   bool // beyond a window
	// limit is the block that keeps a window from moving on, nil if none does.
	limit *chainhash.Hash
}

// missingFor lists what a peer with the tip best may be asked for; limited
// tells that it serves only the last blocks.
func (r *Relay) missingFor(view *chain.View, best *chain.BlockNode, limited bool) (lacks missing) {
	ahead, moreAhead := r.missingAhead(view, best)
	lacks.more = moreAhead
	if moreAhead && len(ahead) > 0 {
		lacks.limit = &ahead[0]
	}
	if limited {
		lacks.hashes = r.near(best, slices.Clone(ahead))
		return lacks
	}
	past, morePast := r.missingPast(best)
	lacks.hashes, lacks.more = slices.Concat(ahead, past), moreAhead || morePast
	return lacks
}

// missingAhead lists what is missing to follow a branch. A branch without the
// block of a loaded UTXO set cannot be followed yet.
func (r *Relay) missingAhead(view *chain.View, best *chain.BlockNode) (hashes []chainhash.Hash, more bool) {
	if best.Work.Cmp(view.Tip().Work) < 0 || r.chain.Background() != nil && !r.hasPast(best) {
		return nil, false
	}
	return r.missing(view, best)
}

// missingPast lists the blocks that are missing within the download window
// below a loaded UTXO set, lowest first, if the branch has them.
func (r *Relay) missingPast(best *chain.BlockNode) (hashes []chainhash.Hash, more bool) {
	if !r.hasPast(best) {
		return nil, false
	}
	h := r.chain.Background()
	if h == nil {
		return nil, false
	}
	from := chain.Fork(h.View().Tip(), h.Base()).Height
	top := min(h.Base().Height, from+download.Window)
	for height := from + 1; height <= top; height++ {
		if at := h.Base().Ancestor(height); !r.chain.Info(at).HaveBlock {
			hashes = append(hashes, at.Hash)
		}
	}
	return hashes, top < h.Base().Height
}

// hasPast reports whether a branch has blocks that are to be verified below a
// loaded UTXO set.
func (r *Relay) hasPast(best *chain.BlockNode) bool {
	h := r.chain.Background()
	return h != nil && best.Ancestor(h.Base().Height) == h.Base()
}

// missing lists the blocks that are not there within the download window of a
// branch, lowest first. more tells that the branch goes on.
func (r *Relay) missing(view *chain.View, best *chain.BlockNode) (hashes []chainhash.Hash, more bool) {
	from := r.lastLinked(view.Fork(best), best)
	top := min(best.Height, from.Height+download.Window)
	nodes := make([]*chain.BlockNode, 0, top-from.Height)
	for at := best.Ancestor(top); at != from; at = at.Parent {
		nodes = append(nodes, at)
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if !r.chain.Info(nodes[i]).HaveBlock {
			hashes = append(hashes, nodes[i].Hash)
		}
	}
	return hashes, top < best.Height
}

// near leaves out the blocks that a peer with the tip best has pruned.
func (r *Relay) near(best *chain.BlockNode, hashes []chainhash.Hash) []chainhash.Hash {
	return slices.DeleteFunc(hashes, func(hash chainhash.Hash) bool {
		return best.Height-r.chain.Lookup(hash).Height >= limitedDepth-2
	})
}

// lastLinked returns the last block of a branch up to which all are there. The
// window begins after it rather than at the fork: the blocks of a branch that
// forked off long ago are connected only when the branch is the better one.
func (r *Relay) lastLinked(fork, best *chain.BlockNode) *chain.BlockNode {
	above := sort.Search(int(best.Height-fork.Height), func(i int) bool {
		return r.chain.Info(best.Ancestor(fork.Height+1+int32(i))).ChainTx == 0
	})
	last := best.Ancestor(fork.Height + int32(above))
	for at := last; at != fork; at = at.Parent {
		if !r.chain.Info(at).HaveBlock {
			last = at.Parent // it was there once
		}
	}
	return last
}

// release takes back what a peer that is gone, or too slow, was to deliver.
func (r *Relay) release(ctx context.Context, req p2p.ReleaseRequest) (p2p.Done, error) {
	gone := holder(ctx, req.Peer)
	if req.Blocks {
		r.wake(r.downloads.givesBack(gone))
		return p2p.Done{}, nil
	}
	r.wake(r.downloads.peerGone(gone))
	r.forget(func(h download.Holder) bool { return h == gone })
	return p2p.Done{}, nil
}

// wake tells peers that there are blocks to fetch again.
func (r *Relay) wake(list []download.Holder) {
	for _, h := range list {
		r.cfg.Feed.TellPeer(h.Worker, p2p.PeerEvent{Peer: h.Peer, Fetch: true})
	}
}
