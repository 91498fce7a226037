package node

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// Patience with transactions that a peer was asked for, how soon another peer
// may ask whether that one has failed, and how many requests are remembered.
const (
	txPatience  = 60 * time.Second
	txRetry     = 5 * time.Second
	maxRequests = 100_000
)

// sharing divides the download of blocks and transactions among peers. It
// goes by real time.
type sharing struct {
	mu       sync.Mutex
	leases   *download.Leases
	requests *download.Requests
	sources  sources

	// The mempool asks for senders while it holds its lock, and is asked while
	// mu is held.
	sendersMu sync.Mutex
	senders   map[chainhash.Hash]int64 // who sent a transaction that is being looked at, by wtxid
}

func newSharing() *sharing {
	return &sharing{
		leases:   download.New(download.DefaultConfig()),
		requests: download.NewRequests(txPatience, maxRequests),
		senders:  map[chainhash.Hash]int64{},
		sources:  newSources(),
	}
}

// Numbers of senders that are not peers: fromBlock is for a transaction that
// returned from a block which left the chain.
const (
	nobody    = -1
	fromBlock = -2
)

func (s *sharing) senderOf(wtxid chainhash.Hash) int64 {
	s.sendersMu.Lock()
	defer s.sendersMu.Unlock()
	if peer, ok := s.senders[wtxid]; ok {
		return peer
	}
	return nobody
}

// sending notes who sent a transaction until done is called.
func (s *sharing) sending(wtxid chainhash.Hash, peer int64) (done func()) {
	s.sendersMu.Lock()
	defer s.sendersMu.Unlock()
	s.senders[wtxid] = peer
	return func() {
		s.sendersMu.Lock()
		defer s.sendersMu.Unlock()
		delete(s.senders, wtxid)
	}
}

func (s *sharing) delivered(h download.Holder, hash chainhash.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases.Delivered(h, hash, time.Now())
}

func (s *sharing) leased(hash chainhash.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leases.Leased(hash)
}

// holder names the caller's peer.
func holder(ctx context.Context, peer int64) download.Holder {
	return download.Holder{Worker: bus.CallerFrom(ctx).Instance, Peer: peer}
}

// lease grants a peer blocks that are missing below the last header it has.
func (n *node) lease(ctx context.Context, req msg.LeaseRequest) (msg.LeaseReply, error) {
	config := download.DefaultConfig()
	reply := msg.LeaseReply{Seconds: int(config.Patience / time.Second)}
	if !n.loaded.Load() {
		// The block files may have them.
		reply.Retry = true
		return reply, nil
	}
	best := n.engine.Lookup(req.Best)
	view := n.engine.View()
	if best == nil || n.engine.Info(best).Failed || best.Work.Cmp(n.params.MinimumWork) < 0 {
		return reply, nil
	}
	max := min(max(req.Max, 0), config.PerPeer)
	// What is missing is looked up under the lock: a block is leased until it
	// is there.
	n.sharing.mu.Lock()
	defer n.sharing.mu.Unlock()
	missing, more := n.missingAhead(view, best)
	if req.Limited {
		missing = n.near(best, missing)
		if view.Initial {
			// It would keep us waiting for old blocks.
			max = 0
		}
	} else if past, morePast := n.missingPast(best); len(past) > 0 || morePast {
		missing, more = append(missing, past...), more || morePast
	}
	reply.Hashes = n.sharing.leases.Grant(holder(ctx, req.Peer), missing, max, time.Now())
	reply.Retry = len(reply.Hashes) == 0 && (more || len(missing) > 0)
	return reply, nil
}

// missingAhead lists what is missing to follow a branch. A branch without the
// block of a loaded UTXO set cannot be followed yet.
func (n *node) missingAhead(view *chain.View, best *chain.Node) (hashes []chainhash.Hash, more bool) {
	if best.Work.Cmp(view.Tip().Work) < 0 || n.engine.History() != nil && !n.hasPast(best) {
		return nil, false
	}
	return n.missing(view, best)
}

// missingPast lists the blocks that are missing within the download window
// below a loaded UTXO set, lowest first, if the branch has them.
func (n *node) missingPast(best *chain.Node) (hashes []chainhash.Hash, more bool) {
	if !n.hasPast(best) {
		return nil, false
	}
	h := n.engine.History()
	if h == nil {
		return nil, false
	}
	from := chain.Fork(h.View().Tip(), h.Base()).Height
	top := min(h.Base().Height, from+download.Window)
	for height := from + 1; height <= top; height++ {
		if at := h.Base().Ancestor(height); !n.engine.Info(at).HaveBlock {
			hashes = append(hashes, at.Hash)
		}
	}
	return hashes, top < h.Base().Height
}

// hasPast reports whether a branch has blocks that are to be verified below a
// loaded UTXO set.
func (n *node) hasPast(best *chain.Node) bool {
	h := n.engine.History()
	return h != nil && best.Ancestor(h.Base().Height) == h.Base()
}

// missing lists the blocks that are not there within the download window of a
// branch, lowest first. more tells that the branch goes on.
func (n *node) missing(view *chain.View, best *chain.Node) (hashes []chainhash.Hash, more bool) {
	from := n.lastLinked(view.Fork(best), best)
	top := min(best.Height, from.Height+download.Window)
	nodes := make([]*chain.Node, 0, top-from.Height)
	for at := best.Ancestor(top); at != from; at = at.Parent {
		nodes = append(nodes, at)
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if !n.engine.Info(nodes[i]).HaveBlock {
			hashes = append(hashes, nodes[i].Hash)
		}
	}
	return hashes, top < best.Height
}

// near leaves out the blocks that a peer with the tip best has pruned.
func (n *node) near(best *chain.Node, hashes []chainhash.Hash) []chainhash.Hash {
	return slices.DeleteFunc(hashes, func(hash chainhash.Hash) bool {
		return best.Height-n.engine.Lookup(hash).Height >= limitedDepth-2
	})
}

// lastLinked returns the last block of a branch up to which all are there. The
// window begins after it rather than at the fork: the blocks of a branch that
// forked off long ago are connected only when the branch is the better one.
func (n *node) lastLinked(fork, best *chain.Node) *chain.Node {
	above := sort.Search(int(best.Height-fork.Height), func(i int) bool {
		return n.engine.Info(best.Ancestor(fork.Height+1+int32(i))).ChainTx == 0
	})
	last := best.Ancestor(fork.Height + int32(above))
	for at := last; at != fork; at = at.Parent {
		if !n.engine.Info(at).HaveBlock {
			last = at.Parent // it was there once
		}
	}
	return last
}

func (n *node) release(ctx context.Context, req msg.PeerRequest) (bus.None, error) {
	n.sharing.mu.Lock()
	defer n.sharing.mu.Unlock()
	n.sharing.leases.PeerGone(holder(ctx, req.Peer))
	n.sharing.requests.PeerGone(holder(ctx, req.Peer))
	gone := holder(ctx, req.Peer)
	n.sharing.sources.forget(func(h download.Holder) bool { return h == gone })
	return bus.None{}, nil
}

// wantTxs picks the announced transactions that are worth asking this peer
// for.
func (n *node) wantTxs(ctx context.Context, req msg.WantTxsRequest) (msg.WantTxsReply, error) {
	reply := msg.WantTxsReply{RetrySeconds: int(txRetry / time.Second)}
	if n.engine.View().Initial {
		return reply, nil
	}
	n.sharing.mu.Lock()
	defer n.sharing.mu.Unlock()
	for _, hash := range req.Hashes {
		if req.Wtxid && n.pool.GetWitness(hash) != nil || !req.Wtxid && n.pool.Get(hash) != nil {
			continue
		}
		if n.sharing.requests.Ask(holder(ctx, req.Peer), hash, time.Now()) {
			reply.Request = append(reply.Request, hash)
		} else {
			reply.Later = append(reply.Later, hash)
		}
	}
	return reply, nil
}

// followLinks takes back what belonged to parts that are gone.
func (n *node) followLinks(ctx context.Context, sub *bus.Subscription) error {
	for {
		ev, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		if !msg.LinkGone.Matches(ev) {
			continue
		}
		entry, err := msg.LinkGone.Decode(ev)
		if err != nil {
			n.log.Warn("Unreadable event of the broker: " + err.Error())
			continue
		}
		n.watch.gone(entry.Instance)
		n.sharing.mu.Lock()
		n.sharing.leases.WorkerGone(entry.Instance)
		n.sharing.requests.WorkerGone(entry.Instance)
		n.sharing.sources.forget(func(h download.Holder) bool { return h.Worker == entry.Instance })
		n.sharing.mu.Unlock()
	}
}
