package node

import (
	"context"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// handle offers everything of bus/msg that belongs to the node.
func (n *node) handle(mux *bus.Mux) {
	msg.GetTip.Handle(mux, n.getTip)
	msg.GetBlock.Handle(mux, n.getBlock)
	msg.GetLocator.Handle(mux, n.getLocator)
	msg.FindHeaders.Handle(mux, n.findHeaders)
	msg.FindBlocks.Handle(mux, n.findBlocks)
	msg.SubmitHeaders.Handle(mux, n.submitHeaders)
	msg.LeaseBlocks.Handle(mux, n.lease)
	msg.ReleasePeer.Handle(mux, n.release)
	msg.SubmitBlock.Handle(mux, n.submitBlock)
	msg.FetchBlock.Handle(mux, n.fetchBlock)
	msg.SubmitTx.Handle(mux, n.submitTx)
	msg.WantTxs.Handle(mux, n.wantTxs)
	msg.FetchTx.Handle(mux, n.fetchTx)
	msg.MempoolTxs.Handle(mux, n.mempoolTxs)
	msg.WatchScripts.Handle(mux, n.watchScripts)
	msg.ScanBlocks.Handle(mux, n.scanBlocks)
	msg.WatchedMempool.Handle(mux, n.watchedMempool)
	msg.BroadcastTx.Handle(mux, n.broadcastTx)
}

// getTip waits for whoever is changing the chain, so that the answer includes
// everything accepted before the call.
func (n *node) getTip(ctx context.Context, _ bus.None) (tip msg.Tip, err error) {
	err = n.own(ctx, func() error {
		tip = n.tip()
		return nil
	})
	return tip, err
}

func unknownBlock(hash chainhash.Hash) error {
	return bus.Errorf(msg.KindUnknownBlock, "block %s is not known", hash)
}

func (n *node) getBlock(_ context.Context, req msg.GetBlockRequest) (reply msg.GetBlockReply, err error) {
	at := n.engine.Lookup(req.Hash)
	if at == nil || !n.engine.Info(at).HaveBlock {
		return reply, unknownBlock(req.Hash)
	}
	raw, err := n.engine.ReadRaw(at)
	if err != nil {
		return reply, err
	}
	reply.Height, reply.InBest = at.Height, n.engine.View().Contains(at)
	reply.Attached = [][]byte{raw}
	return reply, nil
}

func (n *node) getLocator(context.Context, bus.None) (msg.LocatorReply, error) {
	best := n.engine.View().BestHeader
	if n.engine.History() != nil && best.Parent != nil {
		// A peer at the same tip shall tell so: its old blocks are wanted.
		best = best.Parent
	}
	return msg.LocatorReply{Hashes: chain.Locator(best)}, nil
}

// Limits of answers to peers (BIP31 and before).
const (
	maxHeaders = 2000
	maxBlocks  = 500
)

func (n *node) findHeaders(_ context.Context, req msg.FindRequest) (reply msg.HeadersReply, err error) {
	view := n.engine.View()
	var start *chain.Node
	if len(req.Locator) == 0 {
		// A locator without hashes asks for the one header called Stop.
		if start = n.engine.Lookup(req.Stop); start == nil || !view.Contains(start) {
			return reply, nil
		}
	} else {
		start = view.Next(n.engine.FindLocator(view, req.Locator))
	}
	headers := []byte{}
	for at := start; at != nil && reply.Count < maxHeaders; at = view.Next(at) {
		headers = at.AppendHeader(headers)
		reply.Count++
		if at.Hash == req.Stop {
			break
		}
	}
	reply.Attached = [][]byte{headers}
	return reply, nil
}

func (n *node) findBlocks(_ context.Context, req msg.FindRequest) (reply msg.LocatorReply, err error) {
	view := n.engine.View()
	at := view.Next(n.engine.FindLocator(view, req.Locator))
	for ; at != nil && at.Hash != req.Stop && len(reply.Hashes) < maxBlocks; at = view.Next(at) {
		reply.Hashes = append(reply.Hashes, at.Hash)
	}
	return reply, nil
}

// maxBranchAge is how much work, in blocks of the tip's difficulty, and how
// many seconds, an old branch may lie behind to be shown to peers: showing it
// to everybody would tell who we are.
const maxBranchAge = 30 * 24 * 60 * 60

// limitedDepth is how far below its tip a peer that keeps only the last blocks
// serves them (BIP159, NODE_NETWORK_LIMITED_MIN_BLOCKS).
const limitedDepth = 288

func (n *node) fetchBlock(_ context.Context, req msg.FetchBlockRequest) (reply msg.FetchReply, err error) {
	at := n.engine.Lookup(req.Hash)
	if at == nil || !n.mayShow(at) {
		return reply, nil
	}
	if _, pruning := n.cfg.pruneTarget(); pruning && n.engine.View().Height()-at.Height > limitedDepth+2 {
		reply.TooDeep = true
		return reply, nil
	}
	raw, err := n.engine.ReadRaw(at)
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

func (n *node) mayShow(at *chain.Node) bool {
	info, view := n.engine.Info(at), n.engine.View()
	if !info.HaveBlock {
		return false
	}
	if view.Contains(at) {
		return true
	}
	return info.ValidScripts && !info.Failed && view.BestHeader.Time-at.Time < maxBranchAge
}

func (n *node) fetchTx(_ context.Context, req msg.FetchTxRequest) (reply msg.FetchReply, err error) {
	var entry *mempool.Entry
	if req.Wtxid {
		entry = n.pool.GetWitness(req.Hash)
	} else {
		entry = n.pool.Get(req.Hash)
	}
	if entry == nil {
		return reply, nil
	}
	reply.Found = true
	reply.Attached = [][]byte{entry.Tx.Raw()}
	if !req.Witness {
		reply.Attached[0] = entry.Tx.Stripped()
	}
	return reply, nil
}

func (n *node) mempoolTxs(context.Context, bus.None) (reply msg.TxsAnnouncedEvent, err error) {
	entries, _ := n.pool.Entries()
	for _, e := range entries {
		reply.Txs = append(reply.Txs, announcement(e, nobody))
	}
	return reply, nil
}
