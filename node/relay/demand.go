package relay

import (
	"context"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// demandBlock serves DemandBlock.
func (r *Relay) demandBlock(_ context.Context, req msg.DemandBlockRequest) (reply msg.DemandBlockReply, err error) {
	reply.Refusal = r.refusesDemand(req)
	if reply.Refusal == "" {
		r.cfg.Feed.TellPeer(req.Worker, p2p.PeerEvent{Peer: req.Peer, Demand: &p2p.BlockDemand{Hash: req.Hash}})
	}
	return reply, nil
}

func (r *Relay) refusesDemand(req msg.DemandBlockRequest) string {
	at := r.chain.Lookup(req.Hash)
	switch {
	case at == nil:
		return "Block header missing"
	case r.cfg.Pruning && at.Height > r.chain.View().Tip().Height:
		// It would keep the files that it is in from being pruned.
		return "In prune mode, only blocks that the node has already synced previously can be fetched from a peer"
	case r.chain.Info(at).HaveBlock:
		return "Block already downloaded"
	case !r.cfg.Loaded():
		return "Loading blocks ..."
	case req.Refusal != "":
		return req.Refusal
	case !r.downloads.demand(download.Holder{Worker: req.Worker, Peer: req.Peer}, req.Hash):
		return "Already requested from this peer"
	}
	return ""
}

// demand leases a block to a peer, whoever had it before; not if it is that one.
func (d *downloads) demand(h download.Holder, hash chainhash.Hash) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.leases.Demand(h, hash, time.Now())
}
