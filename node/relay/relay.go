package relay

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/feed"
	"github.com/bulkheadnode/bulkhead/node/headersync"
	"github.com/bulkheadnode/bulkhead/node/index"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/privatebroadcast"
)

// Config is what a Relay works with.
type Config struct {
	Owner   *chainstate.Owner
	Feed    *feed.Feed
	Params  *consensus.Params
	Pruning bool        // only the last blocks are served (BIP159)
	Loaded  func() bool // all blocks on disk are known: before, none is asked for
	// ExtraTxs is how many transactions that are not in the mempool are kept to
	// put compact blocks together with.
	ExtraTxs int
	// Filter returns a block's filter, nil if there is none yet. It is called only
	// for peers that are offered filters.
	Filter func(at *chain.BlockNode) (*index.Filter, error)
	// Private is what is sent by connections of its own, nil without -privatebroadcast.
	Private *privatebroadcast.Queue
	Clock   *clock.Clock
	Log     *slog.Logger
}

// Relay answers workers.
type Relay struct {
	cfg       Config
	chain     *chain.Reader
	pool      *mempool.Reader
	downloads *downloads
	txs       *txRequests
	txSenders *txSenders
	syncs     *headerSyncs
	lead      *lead
	orphans   *orphans
	extra     *extraTxs
	recent    *recentCompact
	seen      *seenBlock
	// orphansDue holds a token when a block has brought parents of orphans, or who
	// reconsidered them is gone.
	orphansDue chan struct{}
	private    *private
}

// New returns a Relay.
func New(cfg Config) *Relay {
	return &Relay{
		cfg: cfg, chain: cfg.Owner.Chain(), pool: cfg.Owner.Pool(),
		downloads: newDownloads(), txs: newTxRequests(), txSenders: &txSenders{of: map[chainhash.Hash]int64{}},
		syncs: &headerSyncs{of: map[download.Holder]*headersync.Sync{}}, lead: &lead{waiting: map[download.Holder]bool{}},
		orphans: newOrphans(), extra: &extraTxs{ring: make([]*consensus.Tx, cfg.ExtraTxs)}, recent: &recentCompact{}, seen: &seenBlock{},
		orphansDue: make(chan struct{}, 1), private: newPrivate(),
	}
}

// Handle offers everything of bus/msg that workers ask.
func (r *Relay) Handle(mux *bus.Mux) {
	msg.Of(p2p.GetLocator).Handle(mux, r.getLocator)
	msg.Of(p2p.FindHeaders).Handle(mux, r.findHeaders)
	msg.Of(p2p.FindBlocks).Handle(mux, r.findBlocks)
	msg.Of(p2p.SubmitHeaders).Handle(mux, r.submitHeaders)
	msg.Of(p2p.LeaseBlocks).Handle(mux, r.lease)
	msg.Of(p2p.ReleasePeer).Handle(mux, r.release)
	msg.DemandBlock.Handle(mux, r.demandBlock)
	msg.Of(p2p.SubmitBlock).Handle(mux, r.submitBlock)
	msg.Of(p2p.SubmitCompact).Handle(mux, r.submitCompact)
	msg.Of(p2p.FetchBlockTxs).Handle(mux, r.fetchBlockTxs)
	msg.Of(p2p.FetchFilters).Handle(mux, r.fetchFilters)
	msg.Of(p2p.FetchBlock).Handle(mux, r.fetchBlock)
	msg.Of(p2p.SubmitTx).Handle(mux, r.submitTx)
	msg.Of(p2p.SubmitTxs).Handle(mux, r.submitTxs)
	msg.Of(p2p.WantTxs).Handle(mux, r.wantTxs)
	msg.Of(p2p.FetchTx).Handle(mux, r.fetchTx)
	msg.StreamOf(p2p.MempoolTxs).Handle(mux, r.mempoolTxs)
	msg.BroadcastTx.Handle(mux, r.broadcastTx)
	r.handlePrivate(mux)
}

// Workers names the workers for which something is kept, some more than once.
func (r *Relay) Workers() []string {
	return slices.Concat(r.downloads.workers(), r.syncs.workers(), r.orphans.workers(), r.txs.workers(), r.sendingPrivately())
}

// WorkerGone takes back what belonged to a worker whose link has ended.
func (r *Relay) WorkerGone(instance string) {
	r.wake(r.downloads.workerGone(instance))
	r.forget(func(h download.Holder) bool { return h.Worker == instance })
}

// forget forgets peers that are gone, but for what downloads has of them. Who announced
// a transaction gets it as an orphan under the lock of txs: so that comes first.
func (r *Relay) forget(gone func(download.Holder) bool) {
	r.syncs.forget(gone)
	r.wakeHeaders(r.lead.forget(gone))
	wake := r.txs.forget(gone, r.cfg.Clock.Now())
	r.orphans.forget(gone)
	r.tellTxs(wake)
	if r.cfg.Private != nil {
		r.cfg.Private.Gone(gone)
	}
}

// BlockProcessed forgets who sent a block that was connected.
func (r *Relay) BlockProcessed(hash chainhash.Hash) {
	r.downloads.takeSender(hash)
	if timeout, changed := r.downloads.relax(); changed {
		r.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Decreased stalling timeout to %d seconds", timeout/time.Second))
	}
}

// BlockConnected keeps the transactions of the last block: the compact block of a
// rival may be made of them. In the initial download there is nothing to keep.
func (r *Relay) BlockConnected(block *consensus.Block, initial bool) {
	r.seen.settle(block.Hash, true)
	if initial {
		return
	}
	r.extra.connected(block)
	r.txs.connected(block)
	erased, due := r.orphans.connected(block)
	if due {
		r.orphansAreDue()
	}
	if erased > 0 {
		r.cfg.Log.With("cat", "txpackages").Debug(fmt.Sprintf("Erased %d orphan transaction(s) included or conflicted by block", erased))
	}
}

// BlockDisconnected makes its transactions worth asking for again.
func (r *Relay) BlockDisconnected() { r.orphans.disconnected() }

// TxDropped keeps a transaction that left the mempool, but not for a block.
func (r *Relay) TxDropped(tx *consensus.Tx) { r.extra.add(tx) }

// BlockRefused tells the worker whose peer sent a block that it is invalid.
func (r *Relay) BlockRefused(hash chainhash.Hash, reject *consensus.Reject) {
	r.seen.settle(hash, false)
	sender, known := r.downloads.takeSender(hash)
	if !known || !punishable(reject.Result) {
		return
	}
	r.downloads.addOffence(sender, reject)
	r.cfg.Feed.TellPeer(sender.Worker, p2p.PeerEvent{Peer: sender.Peer, Blamed: &p2p.PeerBlamed{Hash: hash, Reason: reject.Reason}})
}

// TxSender returns the number of the peer from which a transaction came that
// is being looked at, by wtxid; p2p.NoPeer if it came from no peer.
func (r *Relay) TxSender(wtxid chainhash.Hash) int64 { return r.txSenders.get(wtxid) }

// holder names the caller's peer.
func holder(ctx context.Context, peer int64) download.Holder {
	return download.Holder{Worker: bus.CallerFrom(ctx).Instance, Peer: peer}
}

// punishable tells whether a peer who sends such a thing deserves to go.
func punishable(result consensus.Result) bool {
	switch result {
	case consensus.Invalid, consensus.Mutated, consensus.InvalidHeader, consensus.InvalidPrev, consensus.CachedInvalid, consensus.MissingPrev:
		return true
	}
	return false
}
