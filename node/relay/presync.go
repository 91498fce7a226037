package relay

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/headersync"
)

// maxSyncs bounds the peers whose headers are still to show their work.
const maxSyncs = 2048

// blocksPerSecond is how many blocks a chain can have, at the most, for a second
// of its median time.
const blocksPerSecond = 6

// presyncLogInterval is how often the first pass is told in the log.
const presyncLogInterval = 10 * time.Second

// headerSyncs are those of peers whose headers are not kept yet. It goes by real
// time.
type headerSyncs struct {
	mu     sync.Mutex
	of     map[download.Holder]*headersync.Sync
	logged time.Time
}

// take returns the sync of a peer to the caller alone.
func (h *headerSyncs) take(peer download.Holder) *headersync.Sync {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.of[peer]
	delete(h.of, peer)
	return s
}

// put keeps the sync of a peer, unless there are too many.
func (h *headerSyncs) put(ctx context.Context, peer download.Holder, s *headersync.Sync) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, had := h.of[peer]; ctx.Err() != nil || !had && len(h.of) >= maxSyncs {
		return false
	}
	h.of[peer] = s
	return true
}

func (h *headerSyncs) forget(gone func(download.Holder) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for peer := range h.of {
		if gone(peer) {
			delete(h.of, peer)
		}
	}
}

func (h *headerSyncs) workers() (names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for peer := range h.of {
		names = append(names, peer.Worker)
	}
	return names
}

// due reports whether the log is to tell of the first pass.
func (h *headerSyncs) due() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.logged) < presyncLogInterval {
		return false
	}
	h.logged = time.Now()
	return true
}

// screened are the headers of a message after the question whether their chain
// has the work to be kept.
type screened struct {
	headers []wire.BlockHeader // to be kept
	trusted bool               // that was answered
	done    bool               // there is nothing more to do
}

// continueSync gives headers to the sync of their peer, if there is one. If they
// do not belong to it, they are looked at as any others.
func (r *Relay) continueSync(ctx context.Context, req p2p.SubmitHeadersRequest, headers []wire.BlockHeader, reply *p2p.SubmitHeadersReply) screened {
	peer := holder(ctx, req.Peer)
	s := r.syncs.take(peer)
	if s == nil {
		return screened{headers: headers}
	}
	if !s.Continues(&headers[0]) {
		r.syncs.put(ctx, peer, s) // an announcement in between, most likely
		return screened{headers: headers}
	}
	ready, more, err := s.Next(headers, len(headers) == p2p.MaxHeaders)
	if err != nil {
		reply.Ended = true
		r.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Initial headers sync aborted with peer=%d: %v", req.Peer, err))
		if len(ready) == 0 {
			return screened{headers: headers}
		}
	}
	if more && r.syncs.put(ctx, peer, s) {
		r.tellSync(req.Peer, s, reply)
	}
	return screened{headers: ready, trusted: true, done: len(ready) == 0}
}

// tellSync asks the peer to go on.
func (r *Relay) tellSync(peer int64, s *headersync.Sync, reply *p2p.SubmitHeadersReply) {
	reply.Presync = &p2p.Presync{Height: s.Height(), Locator: s.Locator()}
	if s.Height() < 0 {
		r.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Initial headers sync with peer=%d: redownloading", peer))
	} else if r.chain.View().Initial && r.syncs.due() {
		r.cfg.Log.Info(fmt.Sprintf("Pre-synchronizing blockheaders, height: %d", s.Height()))
	}
}

// screen reports whether headers that build on parent may be kept. If their work
// is not enough, and the peer has more of them, they begin a sync that keeps none.
func (r *Relay) screen(ctx context.Context, req p2p.SubmitHeadersRequest, parent *chain.BlockNode, headers []wire.BlockHeader, reply *p2p.SubmitHeadersReply) (keep bool) {
	needed, work := r.leastWork(), parent.Work
	for i := range headers {
		work = work.Add(consensus.Work(headers[i].Bits))
	}
	if work.Cmp(needed) >= 0 || req.Trusted || r.inBestChain(&headers[len(headers)-1]) {
		return true
	}
	reply.LowWork = true
	if len(headers) < p2p.MaxHeaders {
		r.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Ignoring low-work chain (height=%d) from peer=%d", parent.Height+int32(len(headers)), req.Peer))
		return false
	}
	s := headersync.New(r.startAt(parent, needed))
	if _, more, err := s.Next(headers, true); err != nil {
		r.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Initial headers sync aborted with peer=%d: %v", req.Peer, err))
	} else if more && r.syncs.put(ctx, holder(ctx, req.Peer), s) {
		r.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Initial headers sync started with peer=%d: height=%d", req.Peer, parent.Height))
		r.tellSync(req.Peer, s, reply)
	}
	return false
}

func (r *Relay) startAt(at *chain.BlockNode, needed consensus.Uint256) headersync.Start {
	p := r.cfg.Params
	start := headersync.Start{
		Params: p, Height: at.Height, Hash: at.Hash, Bits: at.Bits, Work: at.Work, Locator: chain.Locator(at), Needed: needed,
	}
	span := max(r.cfg.Owner.Time()-at.MedianTime()+consensus.MaxFutureSeconds, 0)
	start.MaxBits = int(blocksPerSecond * span / int64(p.SyncPeriod))
	var offset [1]byte
	_, _ = rand.Read(start.Salt[:]) // never fails: crypto/rand
	_, _ = rand.Read(offset[:])
	start.Offset = int32(offset[0]) % p.SyncPeriod
	return start
}

// inBestChain reports whether a header is one of those that are kept anyway.
func (r *Relay) inBestChain(h *wire.BlockHeader) bool {
	at := r.chain.Lookup(h.BlockHash())
	if at == nil {
		return false
	}
	view := r.chain.View()
	return view.Contains(at) || view.BestHeader.Ancestor(at.Height) == at
}

// haveWork reports whether each header has the proof of the work that it claims.
func haveWork(headers []wire.BlockHeader, p *consensus.Params) bool {
	for i := range headers {
		hash := headers[i].BlockHash()
		if !consensus.CheckProofOfWork(&hash, headers[i].Bits, p) {
			return false
		}
	}
	return true
}
