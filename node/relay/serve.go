package relay

import (
	"context"
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/compact"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/feed"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// getLocator returns a locator of the best header chain.
func (r *Relay) getLocator(ctx context.Context, req p2p.LocatorRequest) (reply p2p.LocatorReply, err error) {
	peer := holder(ctx, req.Peer)
	if req.Overdue {
		reply.Late, reply.Over = r.overdue(peer)
		return reply, nil
	}
	if req.Begin {
		patience, ok := r.mayBegin(ctx, peer, req.Preferred)
		if reply.Wait, reply.Patience = !ok, patience.Milliseconds(); reply.Wait {
			return reply, nil
		}
	}
	if at := r.chain.Lookup(req.Announced); at != nil {
		reply.Known, reply.Download = true, !r.chain.Info(at).Failed && r.worthBlocks(at)
		reply.Work = at.Work.Bytes()
		return reply, nil
	}
	if at := r.chain.Lookup(req.Below); at != nil && at.Parent != nil {
		reply.Hashes = chain.Locator(at.Parent)
		return reply, nil
	}
	if reply.Wait = req.Early && !r.lead.joins(req.Announced); reply.Wait {
		return reply, nil
	}
	best := r.chain.View().BestHeader
	if r.chain.Background() != nil && best.Parent != nil {
		// A peer at the same tip shall tell so: its old blocks are wanted.
		best = best.Parent
	}
	reply.Hashes = chain.Locator(best)
	return reply, nil
}

func (r *Relay) findHeaders(_ context.Context, req p2p.FindHeadersRequest) (reply p2p.HeadersReply, err error) {
	view := r.chain.View()
	var start *chain.BlockNode
	if len(req.Locator) == 0 {
		// A locator without hashes asks for the one header called Stop.
		if start = r.chain.Lookup(req.Stop); start == nil || !r.mayTell(start) {
			reply.Ignore = true
			return reply, nil
		}
	} else {
		start = view.Next(r.chain.FindLocator(view, req.Locator))
	}
	headers := []byte{}
	for at := start; at != nil && reply.Count < p2p.MaxHeaders; at = view.Next(at) {
		headers = at.AppendHeader(headers)
		reply.Count++
		if at.Hash == req.Stop {
			break
		}
	}
	reply.Attached = [][]byte{headers}
	return reply, nil
}

func (r *Relay) findBlocks(_ context.Context, req p2p.FindBlocksRequest) (reply p2p.LocatorReply, err error) {
	view := r.chain.View()
	at := view.Next(r.chain.FindLocator(view, req.Locator))
	for ; at != nil && at.Hash != req.Stop && len(reply.Hashes) < p2p.MaxFound; at = view.Next(at) {
		reply.Hashes = append(reply.Hashes, at.Hash)
	}
	return reply, nil
}

// maxBranchAge is how far a branch may lie behind the best header to be shown
// to peers, in seconds and in the work of as many blocks at its difficulty as
// come in that time: showing older ones would tell who we are (Bitcoin Core's
// STALE_RELAY_AGE_LIMIT).
const maxBranchAge = 30 * 24 * 60 * 60

// historicalAge is how many seconds a block may be older than the best header for peers
// in sync to want it (Bitcoin Core's HISTORICAL_BLOCK_AGE).
const historicalAge = 7 * 24 * 60 * 60

// limitedDepth is how far below its tip a peer that keeps only the last blocks
// serves them (BIP159, NODE_NETWORK_LIMITED_MIN_BLOCKS).
const limitedDepth = 288

func (r *Relay) fetchBlock(ctx context.Context, req p2p.FetchBlockRequest) (reply p2p.FetchReply, err error) {
	at := r.chain.Lookup(req.Hash)
	if at == nil {
		return reply, nil
	}
	if !req.Compact {
		// Who could not put it together is to have it, but not before it is verified.
		r.seen.await(ctx, at.Hash)
	}
	if !r.mayShow(at) && (!req.Compact || !r.seen.passes(at.Hash)) {
		return reply, nil
	}
	if (r.cfg.Pruning || req.Limited) && r.chain.View().Height()-at.Height > limitedDepth+2 {
		reply.TooDeep = true
		return reply, nil
	}
	reply.AtTip = r.within(at, 1)
	reply.Historical = r.chain.View().BestHeader.Time-at.Time > historicalAge
	if req.Compact && r.within(at, compactDepth) {
		raw, err := r.recent.encode(at, r.readBlock)
		if err != nil {
			return reply, err
		}
		reply.Found, reply.Compact, reply.Attached = true, true, [][]byte{raw}
		return reply, nil
	}
	raw, err := r.chain.ReadRaw(at)
	if err != nil {
		return reply, err
	}
	if !req.Witness {
		block, err := consensus.ParseBlock(raw)
		if err != nil {
			return reply, err
		}
		if block.HasWitness() {
			raw = block.Stripped()
		}
	}
	reply.Found, reply.Attached = true, [][]byte{raw}
	return reply, nil
}

// compactDepth and blockTxsDepth are how far below the tip a block is served as
// a compact block, and its transactions one by one (Bitcoin Core's
// MAX_CMPCTBLOCK_DEPTH and MAX_BLOCKTXN_DEPTH): reading deeper ones is to cost
// the peer as much as us.
const (
	compactDepth  = 5
	blockTxsDepth = 10
)

// within reports whether a block is at most so far below the tip.
func (r *Relay) within(at *chain.BlockNode, depth int32) bool {
	return at.Height >= r.chain.View().Height()-depth
}

// fetchBlockTxs serves transactions of one of the last blocks.
func (r *Relay) fetchBlockTxs(_ context.Context, req p2p.FetchBlockTxsRequest) (reply p2p.FetchBlockTxsReply, err error) {
	at := r.chain.Lookup(req.Hash)
	if at == nil || !r.mayShow(at) && r.seen.get(at.Hash) == nil {
		r.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Peer %d sent us a getblocktxn for a block we don't have", req.Peer))
		return reply, nil
	}
	if reply.TooDeep = !r.within(at, blockTxsDepth); reply.TooDeep {
		r.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Peer %d sent us a getblocktxn for a block > %d deep", req.Peer, blockTxsDepth))
		return reply, nil
	}
	block, err := r.readBlock(at)
	if err != nil {
		return reply, err
	}
	raw, ok := compact.EncodeTxs(block, req.Indexes)
	if reply.NoSuchTxs = !ok; ok {
		reply.Found, reply.Attached = true, [][]byte{raw}
	}
	return reply, nil
}

func (r *Relay) mayShow(at *chain.BlockNode) bool {
	return r.chain.Info(at).HaveBlock && r.mayTell(at)
}

// mayTell reports whether peers may know that we know a block.
func (r *Relay) mayTell(at *chain.BlockNode) bool {
	info, view := r.chain.Info(at), r.chain.View()
	if view.Contains(at) {
		return true
	}
	best := view.BestHeader
	return info.ValidScripts && !info.Failed && best.Time-at.Time < maxBranchAge &&
		chain.EquivalentTime(best, at, r.cfg.Params) < maxBranchAge
}

func (r *Relay) fetchTx(_ context.Context, req p2p.FetchTxRequest) (reply p2p.FetchReply, err error) {
	var entry *mempool.Entry
	if req.Wtxid {
		entry = r.pool.GetWitness(req.Hash)
	} else {
		entry = r.pool.Get(req.Hash)
	}
	// Who lacks a transaction of the last block may be putting it together.
	tx := r.extra.inBlock(req.Hash, req.Wtxid)
	if entry != nil {
		tx = entry.Tx
		r.pool.Heard(tx.ID)
	}
	if tx == nil {
		return reply, nil
	}
	reply.Found = true
	reply.Attached = [][]byte{tx.Raw()}
	if !req.Witness {
		reply.Attached[0] = tx.Stripped()
	}
	return reply, nil
}

func (r *Relay) mempoolTxs(_ context.Context, _ p2p.MempoolRequest, send func(p2p.TxsAnnouncedEvent) error) error {
	entries, _ := r.pool.Entries()
	for batch := range slices.Chunk(entries, p2p.MaxAnnounced) {
		item := p2p.TxsAnnouncedEvent{Txs: make([]p2p.TxAnnouncement, len(batch))}
		for i, e := range batch {
			item.Txs[i] = feed.Announcement(e, p2p.NoPeer)
		}
		if err := send(item); err != nil {
			return err
		}
	}
	return nil
}
