package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/feed"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// only returns the one frame that a request must carry.
func only(f bus.Frames) ([]byte, error) {
	if len(f.Attached) != 1 {
		return nil, bus.Errorf(bus.KindBadMessage, "%d attachments instead of one", len(f.Attached))
	}
	return f.Attached[0], nil
}

func parseHeaders(raw []byte) ([]wire.BlockHeader, error) {
	if len(raw)%wire.MaxBlockHeaderPayload != 0 || len(raw) > p2p.MaxHeaders*wire.MaxBlockHeaderPayload {
		return nil, bus.Errorf(bus.KindBadMessage, "%d bytes of headers", len(raw))
	}
	headers := make([]wire.BlockHeader, len(raw)/wire.MaxBlockHeaderPayload)
	r := bytes.NewReader(raw)
	for i := range headers {
		if err := headers[i].Deserialize(r); err != nil {
			return nil, bus.Errorf(bus.KindBadMessage, "%v", err)
		}
	}
	return headers, nil
}

func (r *Relay) submitHeaders(ctx context.Context, req p2p.SubmitHeadersRequest) (reply p2p.SubmitHeadersReply, err error) {
	raw, err := only(req.Frames)
	if err != nil {
		return reply, err
	}
	headers, err := parseHeaders(raw)
	if err != nil || len(headers) == 0 {
		return reply, err
	}
	reply, err = r.judgeHeaders(ctx, req, headers)
	switch from := holder(ctx, req.Peer); {
	case err != nil || reply.Unconnecting:
	case len(headers) == p2p.MaxHeaders || reply.Presync != nil:
		r.lead.goesOn(from)
	default:
		r.headersEnd(from)
	}
	return reply, err
}

func (r *Relay) judgeHeaders(ctx context.Context, req p2p.SubmitHeadersRequest, headers []wire.BlockHeader) (reply p2p.SubmitHeadersReply, err error) {
	for i := 1; i < len(headers); i++ {
		if headers[i].PrevBlock != headers[i-1].BlockHash() {
			reply.Reject, reply.Misbehaving = "non-continuous headers sequence", true
			return reply, nil
		}
	}
	if !haveWork(headers, r.cfg.Params) {
		reply.Reject, reply.Misbehaving = "header with invalid proof of work", true
		return reply, nil
	}
	screened := r.continueSync(ctx, req, headers, &reply)
	if screened.done {
		reply.LowWork = true
		return reply, nil
	}
	headers = screened.headers
	parent := r.chain.Lookup(headers[0].PrevBlock)
	if parent == nil {
		reply.Unconnecting = true
		return reply, nil
	}
	if !screened.trusted && !r.screen(ctx, req, parent, headers, &reply) {
		return reply, nil
	}
	err = r.cfg.Owner.DoAmidBlocks(ctx, func(s *chainstate.State) error { return r.takeHeaders(s, headers, &reply) })
	if reply.Download && !r.chain.View().Initial {
		for i := max(len(headers)-reply.New, len(headers)-maxTellers/4, 0); i < len(headers); i++ {
			r.downloads.toldFirst(holder(ctx, req.Peer), headers[i].BlockHash())
		}
	}
	return reply, err
}

func (r *Relay) takeHeaders(s *chainstate.State, headers []wire.BlockHeader, reply *p2p.SubmitHeadersReply) error {
	last, added, err := s.Chain.AcceptHeaders(headers, s.Now())
	reply.New = added
	var reject *consensus.Reject
	if errors.As(err, &reject) {
		reply.Reject = reject.Reason
		reply.Misbehaving = punishable(reject.Result)
		r.cfg.Log.With("cat", "validation").Debug("AcceptBlockHeader: " + reject.Error())
	} else if err != nil {
		return err
	}
	if added > 0 {
		r.logProgress(last, s.Now())
	}
	if last != nil {
		reply.Last, reply.Height = last.Hash, last.Height
		reply.Download = r.worthBlocks(last)
	}
	return nil
}

// worthBlocks reports whether the blocks of a branch are wanted. One of the same
// work may be the one that is built upon.
func (r *Relay) worthBlocks(last *chain.BlockNode) bool {
	view := r.chain.View()
	ahead := last.Work.Cmp(view.Tip().Work) >= 0 && !view.Contains(last)
	return last.Work.Cmp(r.cfg.Params.MinimumWork) >= 0 && (ahead || r.hasPast(last))
}

// logProgress tells how far the headers have come in the initial download.
func (r *Relay) logProgress(last *chain.BlockNode, now int64) {
	view := r.chain.View()
	if !view.Initial || last.Work.Cmp(view.BestHeader.Work) <= 0 {
		return
	}
	left := max(now-last.Time, 0) / r.cfg.Params.Spacing
	r.cfg.Log.Info(fmt.Sprintf("Synchronizing blockheaders, height: %d (~%.2f%%)", last.Height, 100*float64(last.Height)/float64(int64(last.Height)+left)))
}

func (r *Relay) submitBlock(ctx context.Context, req p2p.SubmitBlockRequest) (reply p2p.SubmitReply, err error) {
	raw, err := only(req.Frames)
	if err != nil {
		return reply, err
	}
	sender := holder(ctx, req.Peer)
	block, err := consensus.ParseBlock(raw)
	var empty *consensus.Reject
	if errors.As(err, &empty) {
		reply.Reject, reply.Misbehaving = empty.Reason, true
		r.cfg.Log.Error("CheckBlock: " + empty.Error())
		return reply, nil
	}
	if err != nil {
		// As with any message that cannot be read, the peer may stay; but not if it
		// was to bring this one.
		reply.Reject, reply.Misbehaving = "malformed block: "+err.Error(), req.Requested
		if len(raw) >= wire.MaxBlockHeaderPayload {
			r.downloads.spoiled(sender, chainhash.DoubleHashH(raw[:wire.MaxBlockHeaderPayload]))
		}
		return reply, nil
	}
	reply.Hash = block.Hash
	if r.mutated(block) {
		r.downloads.spoiled(sender, block.Hash)
		reply.Mutated, reply.Misbehaving = true, true
		return reply, nil
	}
	if !r.worthKeeping(block) {
		reply.Reject = "too-little-chainwork"
		return reply, nil
	}
	r.downloads.arrived(sender, block.Hash)
	defer r.downloads.delivered(sender, block.Hash)
	verdict, err := r.cfg.Owner.ProcessBlock(ctx, block, req.Requested || r.downloads.leased(block.Hash))
	if err != nil {
		return reply, err
	}
	reply.New = verdict.New
	// That an ancestor was refused is no news if the peer brought that, too.
	if earlier := r.downloads.takeOffence(sender); earlier != nil && (verdict.Reject == nil || verdict.Reject.Result == consensus.CachedInvalid) {
		verdict.Reject = earlier
	}
	if !r.cfg.Owner.Waits(verdict) {
		r.downloads.takeSender(block.Hash)
	}
	reply.Announce = r.reward(sender, verdict, req.Compact)
	if verdict.Reject != nil {
		describeRefusal(&reply, verdict.Reject, req.Requested)
	}
	return reply, nil
}

// worthKeeping reports whether a block's header is known, or may be kept by the
// work that it shows.
func (r *Relay) worthKeeping(block *consensus.Block) bool {
	parent := r.chain.Lookup(block.Header.PrevBlock)
	if parent == nil || r.chain.Lookup(block.Hash) != nil || parent.Work.Add(consensus.Work(block.Header.Bits)).Cmp(r.leastWork()) >= 0 {
		return true
	}
	r.cfg.Log.With("cat", "validation").Debug(fmt.Sprintf("AcceptBlockHeader: not adding new block header %s, missing anti-dos proof-of-work validation", block.Hash))
	return false
}

// mutated reports whether a block has other transactions than its header says, or
// witnesses that it does not commit to. What the right block is asked for from
// others is not to suffer from it (CVE-2024-52921). In the download, where each
// block comes from one peer, the look of ProcessBlock is enough.
func (r *Relay) mutated(block *consensus.Block) bool {
	parent := r.chain.Lookup(block.Header.PrevBlock)
	if parent == nil || r.chain.View().Initial {
		return false
	}
	err := consensus.CheckMutated(block, parent.Height+1 >= r.cfg.Params.SegwitHeight)
	if err != nil {
		r.cfg.Log.With("cat", "validation").Debug("Block mutated: " + err.Error())
	}
	return err != nil
}

func describeRefusal(reply *p2p.SubmitReply, reject *consensus.Reject, requested bool) {
	reply.Reject = reject.Reason
	reply.Mutated = reject.Result == consensus.Mutated
	// The header of what was asked for was known, if only to a node that
	// has died since: its loss is not the peer's fault.
	lost := requested && reject.Result == consensus.MissingPrev
	reply.Misbehaving = punishable(reject.Result) && !lost
}

func (r *Relay) submitTx(ctx context.Context, req p2p.SubmitTxRequest) (reply p2p.SubmitReply, err error) {
	raw, err := only(req.Frames)
	if err != nil {
		return reply, err
	}
	return r.takeTx(ctx, holder(ctx, req.Peer), raw, req.Force)
}

// submitTxs takes what a peer has sent one after the other: of several peers, as
// many are served at a time.
func (r *Relay) submitTxs(ctx context.Context, req p2p.SubmitTxsRequest) (reply p2p.SubmitTxsReply, err error) {
	if len(req.Attached) > p2p.MaxSubmitted {
		return reply, bus.Errorf(bus.KindBadMessage, "%d transactions", len(req.Attached))
	}
	for _, raw := range req.Attached {
		one, err := r.takeTx(ctx, holder(ctx, req.Peer), raw, req.Force)
		if err != nil {
			return reply, err
		}
		reply.Txs = append(reply.Txs, one)
	}
	return reply, nil
}

func (r *Relay) takeTx(ctx context.Context, from download.Holder, raw []byte, force bool) (reply p2p.SubmitReply, err error) {
	tx, err := consensus.ParseTx(raw)
	var empty *consensus.Reject
	if errors.As(err, &empty) {
		reply.Reject = empty.Reason
		r.cfg.Log.With("cat", "mempoolrej").Debug(fmt.Sprintf("transaction from peer=%d was not accepted: %s", from.Peer, empty))
		return reply, nil
	}
	if err != nil {
		// As with any message that cannot be read, the peer may stay.
		reply.Reject = "malformed transaction: " + err.Error()
		return reply, nil
	}
	reply.Hash, reply.Wtxid = tx.ID, tx.WitnessID
	r.downloads.txArrived(tx)
	if r.orphans.wasRefused(tx) {
		if force {
			r.cfg.Log.Info(fmt.Sprintf("Not relaying non-mempool transaction %s (wtxid=%s) from forcerelay peer=%d", tx.ID, tx.WitnessID, from.Peer))
		}
		return reply, nil
	}
	defer r.txSenders.add(tx.WitnessID, from.Peer)()
	return r.offerTx(ctx, tx, from, force, reply)
}

// offerTx offers a transaction to the mempool, and then the orphans that waited for
// it.
func (r *Relay) offerTx(ctx context.Context, tx *consensus.Tx, from download.Holder, force bool, reply p2p.SubmitReply) (p2p.SubmitReply, error) {
	_, err := r.cfg.Owner.ProcessTx(ctx, tx, mempool.Options{})
	var missing *mempool.MissingError
	var reject *consensus.Reject
	switch {
	case errors.As(err, &missing):
		reply.Reject = missing.Reason
		reply.Missing = r.keepOrphan(tx, from, missing)
	case errors.As(err, &reject):
		reply.Reject = reject.Reason
		r.orphans.rejected(tx, reject)
		r.extra.add(tx)
		if entry := r.pool.GetWitness(tx.WitnessID); force && entry != nil {
			r.cfg.Log.Info(fmt.Sprintf("Force relaying tx %s (wtxid=%s) from peer=%d", tx.ID, tx.WitnessID, from.Peer))
			r.cfg.Feed.Announce(feed.Announcement(entry, p2p.NoPeer))
		} else {
			r.logTxRefusal(tx, from.Peer, reject)
		}
	case err != nil:
		return reply, err
	default:
		reply.New = true
		r.orphans.accepted(tx)
		figures := r.pool.Figures()
		r.cfg.Log.With("cat", "mempool").Debug(fmt.Sprintf("AcceptToMemoryPool: peer=%d: accepted %s (wtxid=%s) (poolsz %d txn, %d kB)",
			from.Peer, tx.ID, tx.WitnessID, figures.Count, figures.Usage/1000))
	}
	return reply, r.reconsider(ctx)
}

// keepOrphan keeps a transaction whose parents are missing, and returns those to
// ask its peer for.
func (r *Relay) keepOrphan(tx *consensus.Tx, from download.Holder, missing *mempool.MissingError) []chainhash.Hash {
	r.extra.add(tx)
	r.logTxRefusal(tx, from.Peer, missing)
	if r.orphans.keep(tx, missing.Parents, from) {
		for _, parent := range missing.Parents {
			if entry := r.pool.Get(parent); entry != nil {
				r.orphans.accepted(entry.Tx) // it came in between, and saw no child
			}
		}
		return missing.Parents
	}
	r.cfg.Log.With("cat", "mempoolrej").Debug(fmt.Sprintf("not keeping orphan with rejected parents %s (wtxid=%s)", tx.ID, tx.WitnessID))
	return nil
}

func (r *Relay) logTxRefusal(tx *consensus.Tx, peer int64, reason error) {
	r.cfg.Log.With("cat", "mempoolrej").Debug(fmt.Sprintf("%s (wtxid=%s) from peer=%d was not accepted: %s", tx.ID, tx.WitnessID, peer, reason))
}

func (r *Relay) broadcastTx(ctx context.Context, req msg.BroadcastRequest) (bus.None, error) {
	raw, err := only(req.Frames)
	if err != nil {
		return bus.None{}, err
	}
	tx, err := consensus.ParseTx(raw)
	if err != nil {
		return bus.None{}, bus.Errorf(bus.KindBadMessage, "%v", err)
	}
	err = r.cfg.Owner.Broadcast(ctx, tx, req.MaxFeeRate)
	var refused *consensus.Reject
	if errors.As(err, &refused) {
		return bus.None{}, bus.Errorf(msg.KindTxRejected, "%s", refused.Error())
	}
	return bus.None{}, err
}
