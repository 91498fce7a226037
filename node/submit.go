package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

const headerSize = 80

// only returns the one frame that a request must carry.
func only(f bus.Frames) ([]byte, error) {
	if len(f.Attached) != 1 {
		return nil, bus.Errorf(bus.KindBadMessage, "%d attachments instead of one", len(f.Attached))
	}
	return f.Attached[0], nil
}

func parseHeaders(raw []byte) ([]wire.BlockHeader, error) {
	if len(raw)%headerSize != 0 || len(raw) > maxHeaders*headerSize {
		return nil, bus.Errorf(bus.KindBadMessage, "%d bytes of headers", len(raw))
	}
	headers := make([]wire.BlockHeader, len(raw)/headerSize)
	r := bytes.NewReader(raw)
	for i := range headers {
		if err := headers[i].Deserialize(r); err != nil {
			return nil, bus.Errorf(bus.KindBadMessage, "%v", err)
		}
	}
	return headers, nil
}

func (n *node) submitHeaders(ctx context.Context, req msg.SubmitHeadersRequest) (reply msg.SubmitHeadersReply, err error) {
	raw, err := only(req.Frames)
	if err != nil {
		return reply, err
	}
	headers, err := parseHeaders(raw)
	if err != nil || len(headers) == 0 {
		return reply, err
	}
	for i := 1; i < len(headers); i++ {
		if headers[i].PrevBlock != headers[i-1].BlockHash() {
			reply.Reject, reply.Misbehaving = "non-continuous headers sequence", true
			return reply, nil
		}
	}
	if n.engine.Lookup(headers[0].PrevBlock) == nil {
		reply.Unconnecting = true
		return reply, nil
	}
	err = n.own(ctx, func() error { return n.takeHeaders(headers, &reply) })
	return reply, err
}

func (n *node) takeHeaders(headers []wire.BlockHeader, reply *msg.SubmitHeadersReply) error {
	last, added, err := n.engine.AcceptHeaders(headers, n.now())
	reply.New = added
	var reject *consensus.Reject
	if errors.As(err, &reject) {
		reply.Reject = reject.Reason
		reply.Misbehaving = blames(reject.Result)
		n.log.With("cat", "validation").Debug("AcceptBlockHeader: " + reject.Error())
	} else if err != nil {
		return err
	}
	if last != nil {
		reply.Last, reply.Height = last.Hash, last.Height
		// A branch of the same work may be the one that is built upon.
		view := n.engine.View()
		ahead := last.Work.Cmp(view.Tip().Work) >= 0 && !view.Contains(last)
		reply.Download = last.Work.Cmp(n.params.MinimumWork) >= 0 && (ahead || n.hasPast(last))
	}
	return nil
}

// blames tells whether a peer who sends such a thing deserves to go.
func blames(result consensus.Result) bool {
	switch result {
	case consensus.Invalid, consensus.Mutated, consensus.InvalidHeader, consensus.InvalidPrev, consensus.CachedInvalid, consensus.MissingPrev:
		return true
	}
	return false
}

func (n *node) submitBlock(ctx context.Context, req msg.SubmitBlockRequest) (reply msg.SubmitReply, err error) {
	raw, err := only(req.Frames)
	if err != nil {
		return reply, err
	}
	block, err := consensus.ParseBlock(raw)
	var empty *consensus.Reject
	if errors.As(err, &empty) {
		reply.Reject, reply.Misbehaving = empty.Reason, true
		n.log.Error("CheckBlock: " + empty.Error())
		return reply, nil
	}
	if err != nil {
		// As with any message that cannot be read, the peer may stay.
		reply.Reject = "malformed block: " + err.Error()
		return reply, nil
	}
	reply.Hash = block.Hash
	// The lease ends when the block is known to be there: nobody else is to be
	// asked for it meanwhile.
	defer n.sharing.delivered(holder(ctx, req.Peer), block.Hash)
	sender := holder(ctx, req.Peer)
	n.sharing.sent(sender, block.Hash)
	verdict, err := n.acceptBlock(ctx, block, req.Requested || n.sharing.leased(block.Hash))
	if err != nil {
		return reply, err
	}
	reply.New = verdict.isNew
	// That an ancestor was refused is no news if the peer brought that, too.
	earlier, own := n.sharing.convict(sender), verdict.reject
	if earlier != nil && (own == nil || own.Result == consensus.CachedInvalid) {
		verdict.reject = earlier
	}
	if !verdict.waits(n.engine) {
		n.sharing.settled(block.Hash)
	}
	if verdict.reject != nil {
		reply.Reject = verdict.reject.Reason
		reply.Mutated = verdict.reject.Result == consensus.Mutated
		// The header of what was asked for was known, if only to a node that
		// has died since: its loss is not the peer's fault.
		lost := req.Requested && verdict.reject.Result == consensus.MissingPrev
		reply.Misbehaving = blames(verdict.reject.Result) && !lost
	}
	return reply, nil
}

// blockVerdict is what became of a block.
type blockVerdict struct {
	at     *chain.Node
	isNew  bool
	reject *consensus.Reject // of this block, even if found while connecting
}

// waits reports whether the block may still be connected, for want of an
// ancestor or because its branch is not the best.
func (v blockVerdict) waits(e *chain.Engine) bool {
	if !v.isNew || v.at == nil {
		return false
	}
	info := e.Info(v.at)
	return !info.ValidScripts && !info.Failed
}

// acceptOwn is acceptBlock for blocks that no peer could send again: they
// survive a kill when it returns.
func (n *node) acceptOwn(ctx context.Context, block *consensus.Block) (blockVerdict, error) {
	v, err := n.acceptBlock(ctx, block, true)
	return v, errors.Join(err, n.own(ctx, n.engine.Checkpoint))
}

// acceptBlock takes a block and lets the chain go where it should. The error
// is not about the block.
func (n *node) acceptBlock(ctx context.Context, block *consensus.Block, requested bool) (v blockVerdict, err error) {
	// The costly part needs no owner.
	if err := consensus.CheckBlock(block, n.params); err != nil {
		if errors.As(err, &v.reject) {
			n.logRefusal("CheckBlock", block, v.reject)
			return v, nil
		}
		return v, err
	}
	n.engine.Warm(block)
	var underWay <-chan struct{}
	err = n.ownEngine(ctx, func() error {
		var err error
		v.at, v.isNew, err = n.engine.AcceptBlock(block, requested, n.now())
		if errors.As(err, &v.reject) {
			n.logRefusal("AcceptBlock", block, v.reject)
			return nil
		}
		if err != nil {
			return n.vital(err)
		}
		if v.isNew {
			n.pokeHistory()
		}
		if err := n.follow(n.engine.Advance(n.now())); err != nil {
			return err
		}
		if underWay = n.engine.Pending(v.at); underWay != nil {
			return nil
		}
		return n.lateRefusal(block, &v)
	})
	if err == nil && underWay != nil {
		err = n.awaitScripts(ctx, block, &v, underWay)
	}
	return v, err
}

// awaitScripts lets others bring the next blocks while the scripts of this one
// run.
func (n *node) awaitScripts(ctx context.Context, block *consensus.Block, v *blockVerdict, done <-chan struct{}) error {
	select {
	case <-done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return n.ownEngine(ctx, func() error {
		if err := n.follow(n.engine.Settle(v.at, n.now())); err != nil {
			return err
		}
		return n.lateRefusal(block, v)
	})
}

// lateRefusal finds out whether a block was found invalid while it was
// connected.
func (n *node) lateRefusal(block *consensus.Block, v *blockVerdict) error {
	if v.at == nil || !n.engine.Info(v.at).Failed {
		return nil
	}
	v.reject = n.engine.RefusedFor(v.at)
	if v.reject == nil {
		v.reject = consensus.Rejectf(consensus.CachedInvalid, "duplicate-invalid", "block %s was previously marked invalid", block.Hash)
	}
	return nil
}

func (n *node) logRefusal(where string, block *consensus.Block, reject *consensus.Reject) {
	n.log.Error(fmt.Sprintf("%s: %s, %s", where, block.Hash, reject.Error()))
}

func (n *node) submitTx(ctx context.Context, req msg.SubmitTxRequest) (reply msg.SubmitReply, err error) {
	raw, err := only(req.Frames)
	if err != nil {
		return reply, err
	}
	tx, err := consensus.ParseTx(raw)
	if err != nil {
		reply.Reject, reply.Misbehaving = "malformed transaction: "+err.Error(), true
		return reply, nil
	}
	reply.Hash, reply.Wtxid = tx.ID, tx.WitnessID
	n.sharing.mu.Lock()
	n.sharing.requests.Done(tx.ID)
	n.sharing.requests.Done(tx.WitnessID)
	n.sharing.mu.Unlock()
	defer n.sharing.sending(tx.WitnessID, req.Peer)()

	_, err = n.acceptTx(ctx, tx, mempool.Options{})
	var missing *mempool.MissingError
	var reject *consensus.Reject
	switch {
	case errors.As(err, &missing):
		reply.Missing, reply.Reject = missing.Parents, missing.Reason
		n.logTxRefusal(tx, req.Peer, missing)
	case errors.As(err, &reject):
		reply.Reject = reject.Reason
		n.logTxRefusal(tx, req.Peer, reject)
	case err != nil:
		return reply, err
	default:
		reply.New = true
		figures := n.pool.Figures()
		n.log.With("cat", "mempool").Debug(fmt.Sprintf("AcceptToMemoryPool: peer=%d: accepted %s (wtxid=%s) (poolsz %d txn, %d kB)",
			req.Peer, tx.ID, tx.WitnessID, figures.Count, figures.Usage/1000))
	}
	return reply, nil
}

func (n *node) logTxRefusal(tx *consensus.Tx, peer int64, reason error) {
	n.log.With("cat", "mempoolrej").Debug(fmt.Sprintf("%s (wtxid=%s) from peer=%d was not accepted: %s", tx.ID, tx.WitnessID, peer, reason))
}

// acceptTx offers a transaction to the mempool.
func (n *node) acceptTx(ctx context.Context, tx *consensus.Tx, opts mempool.Options) (result mempool.Result, err error) {
	ownErr := n.own(ctx, func() error {
		result, err = n.pool.Accept(tx, n.mempoolTip(), opts)
		return nil
	})
	return result, errors.Join(ownErr, err)
}

func (n *node) broadcastTx(ctx context.Context, req msg.BroadcastRequest) (bus.None, error) {
	raw, err := only(req.Frames)
	if err != nil {
		return bus.None{}, err
	}
	tx, err := consensus.ParseTx(raw)
	if err != nil {
		return bus.None{}, bus.Errorf(bus.KindBadMessage, "%v", err)
	}
	err = n.broadcast(ctx, tx, req.MaxFeeRate)
	var refused *consensus.Reject
	if errors.As(err, &refused) {
		return bus.None{}, bus.Errorf(msg.KindTxRejected, "%s", refused.Error())
	}
	return bus.None{}, err
}

// broadcast accepts a transaction of our user, who may not pay more than
// maxRate satoshi per 1000 vbytes; zero for any rate. One that is in the
// mempool already is announced again.
func (n *node) broadcast(ctx context.Context, tx *consensus.Tx, maxRate int64) error {
	return n.own(ctx, func() error {
		if entry := n.pool.Get(tx.ID); entry != nil {
			announced := msg.TxsAnnouncedEvent{Txs: []msg.TxAnnouncement{announcement(entry, nobody)}}
			n.out.send(func(ctx context.Context, conn *bus.Conn) error { return msg.TxsAnnounced.Publish(ctx, conn, announced) })
			return nil
		}
		if maxRate > 0 {
			result, err := n.pool.Accept(tx, n.mempoolTip(), mempool.Options{Test: true})
			if err != nil {
				return err
			}
			if limit := mempool.Rate(maxRate).Fee(result.Entry.VSize); result.Entry.Fee > limit {
				return consensus.Rejectf(consensus.Policy, "max-fee-exceeded", "")
			}
		}
		_, err := n.pool.Accept(tx, n.mempoolTip(), mempool.Options{})
		return err
	})
}
