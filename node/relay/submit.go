package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
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
	// Noted before others can ask for the blocks: they are for who told of them.
	err = r.takeHeaders(ctx, headers, &reply, func() {
		if !reply.Download || r.chain.View().Initial {
			return
		}
		for i := max(len(headers)-reply.New, len(headers)-maxTellers/4, 0); i < len(headers); i++ {
			r.downloads.toldFirst(holder(ctx, req.Peer), headers[i].BlockHash())
		}
	})
	return reply, err
}

// takeHeaders puts headers into the tree, and calls taken while nobody else may change
// it yet.
func (r *Relay) takeHeaders(ctx context.Context, headers []wire.BlockHeader, reply *p2p.SubmitHeadersReply, taken func()) error {
	err := r.cfg.Owner.DoAmidBlocks(ctx, func(s *chainstate.State) error {
		err := r.acceptHeaders(s, headers, reply)
		taken()
		return err
	})
	if reply.New > 0 {
		r.beginAll() // by what readers see of the chain now
	}
	return err
}

func (r *Relay) acceptHeaders(s *chainstate.State, headers []wire.BlockHeader, reply *p2p.SubmitHeadersReply) error {
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
		reply.Last, reply.Height, reply.Work = last.Hash, last.Height, last.Work.Bytes()
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

// malformed says what is wrong with what cannot be read.
func malformed(err error) string {
	var fault *consensus.Malformed
	if errors.As(err, &fault) {
		return fault.Reason
	}
	return err.Error()
}

func (r *Relay) submitBlock(ctx context.Context, req p2p.SubmitBlockRequest) (reply p2p.SubmitReply, err error) {
	raw, err := only(req.Frames)
	if err != nil {
		return reply, err
	}
	sender := holder(ctx, req.Peer)
	block, _, err := consensus.TakeBlock(raw)
	var empty *consensus.Reject
	if errors.As(err, &empty) {
		reply.Reject, reply.Misbehaving = empty.Reason, true
		r.cfg.Log.Error("CheckBlock: " + empty.Error())
		return reply, nil
	}
	if err != nil {
		// As with any message that cannot be read, the peer may stay; but not if it
		// was to bring this one.
		reply.Malformed, reply.Reject, reply.Misbehaving = true, malformed(err), req.Requested
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
	reply.Announce = r.reward(ctx, sender, verdict, req.Compact)
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
