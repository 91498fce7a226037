package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/compact"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// compactAhead is how far above the tip a compact block is of use: the mempool
// knows little of blocks beyond.
const compactAhead = 2

// directFetch is how old the tip may be, in blocks' time, for blocks to be
// fetched along announcements (Bitcoin Core's CanDirectFetch).
const directFetch = 20

// antiDoSDepth is how many blocks' work below the tip a header has to show
// for it to be kept (Bitcoin Core's GetAntiDoSWorkThreshold).
const antiDoSDepth = 144

// arrivedCompact is a compact block on its way through the node.
type arrivedCompact struct {
	*Relay
	ctx   context.Context
	req   p2p.SubmitCompactRequest
	block *compact.Block
	at    *chain.BlockNode
	reply p2p.SubmitCompactReply
}

// submitCompact takes a compact block, or one whose missing transactions have
// come. Nothing is kept in between: the worker brings both, so that a node that
// has died meanwhile, or a mempool that has changed, costs nothing but the whole
// block.
func (r *Relay) submitCompact(ctx context.Context, req p2p.SubmitCompactRequest) (p2p.SubmitCompactReply, error) {
	c := arrivedCompact{Relay: r, ctx: ctx, req: req}
	if len(req.Attached) == 0 || len(req.Attached) > 2 {
		return c.reply, bus.Errorf(bus.KindBadMessage, "%d attachments", len(req.Attached))
	}
	var err error
	if c.block, err = compact.Parse(req.Attached[0]); err != nil {
		c.reply.Malformed = err.Error()
		return c.reply, nil
	}
	if wanted, err := c.takeHeader(); err != nil || !wanted || !c.wanted() {
		return c.reply, err
	}
	err = c.assemble()
	return c.reply, err
}

// takeHeader reports whether the header is in the tree.
func (c *arrivedCompact) takeHeader() (there bool, err error) {
	parent := c.chain.Lookup(c.block.Header.PrevBlock)
	if parent == nil {
		c.reply.Headers.Unconnecting = !c.chain.View().Initial
		return false, nil
	}
	work := parent.Work.Add(consensus.Work(c.block.Header.Bits))
	if work.Cmp(c.leastWork()) < 0 {
		c.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Ignoring low-work compact block from peer %d", c.req.Peer))
		return false, nil
	}
	known := c.chain.Lookup(c.block.Hash) != nil
	err = c.takeHeaders(c.ctx, []wire.BlockHeader{c.block.Header}, &c.reply.Headers, func() {})
	// A header may be passed on before its block is verified (BIP152): that it is
	// of a block known to be invalid is no offence, unlike a bad header.
	if c.reply.Headers.Reject == "duplicate-invalid" {
		c.reply.Headers.Misbehaving = false
	}
	if err != nil || c.reply.Headers.Reject != "" {
		return false, err
	}
	c.at = c.chain.Lookup(c.block.Hash)
	if !known {
		c.cfg.Log.Info(fmt.Sprintf("Saw new cmpctblock header hash=%s height=%d peer=%d", c.at.Hash, c.at.Height, c.req.Peer))
	}
	return true, nil
}

// leastWork is the work that a chain must have for its header to be kept.
func (r *Relay) leastWork() consensus.Uint256 {
	tip := r.chain.View().Tip()
	near := tip.Ancestor(max(tip.Height-antiDoSDepth, 0)).Work
	if near.Cmp(r.cfg.Params.MinimumWork) < 0 {
		return r.cfg.Params.MinimumWork
	}
	return near
}

// wanted reports whether the block is to be put together; if not, the reply says
// what to do instead.
func (c *arrivedCompact) wanted() bool {
	info, view := c.chain.Info(c.at), c.chain.View()
	requested := c.req.Requested || len(c.req.Asked) > 0
	switch {
	case info.HaveBlock:
		return false
	case !c.cfg.Loaded():
		// Our tip is behind what the files hold, and the mempool is to come. What a node
		// before this one asked for would be lost, if it were not asked for again.
		c.reply.Whole, c.reply.AsHeaders = requested, !requested
		return false
	case !requested && !c.req.Announced:
		c.cfg.Log.With("cat", "cmpctblock").Debug(fmt.Sprintf("peer=%d, not marked as high-bandwidth, sent us an unsolicited compact block!", c.req.Peer))
		c.reply.AsHeaders = true // the block may be wanted all the same
		return false
	case c.at.Work.Cmp(view.Tip().Work) <= 0 || info.TxCount != 0: // something better is known, or it was pruned
		c.reply.Whole, c.reply.AsHeaders = requested, !requested
		return false
	case !requested && !c.fetchesDirectly() && !c.downloads.leased(c.at.Hash):
		c.reply.AsHeaders = true
		return false
	case c.at.Height > view.Height()+compactAhead:
		c.reply.Whole, c.reply.AsHeaders = requested, !requested
		return false
	}
	return true
}

// fetchesDirectly reports whether the chain is near enough to the present for
// blocks to be fetched as they are announced.
func (r *Relay) fetchesDirectly() bool {
	view := r.chain.View()
	return !view.Initial && view.Tip().Time > r.cfg.Owner.Time()-directFetch*r.cfg.Params.Spacing
}

// assemble puts the block together as far as its transactions are known.
func (c *arrivedCompact) assemble() error {
	partial, err := compact.Begin(c.block)
	if errors.Is(err, compact.ErrInvalid) {
		c.reply.Invalid = "invalid compact block"
		return nil
	}
	if err != nil {
		c.giveUp()
		return nil
	}
	c.offerKnown(partial)
	if len(c.req.Attached) == 2 {
		txs, err := compact.ParseTxs(c.req.Attached[1])
		if err != nil {
			c.reply.Malformed = err.Error()
			return nil
		}
		if partial.Fill(c.req.Asked, txs) != nil {
			c.reply.Invalid = "invalid compact block/non-matching block transactions"
			return nil
		}
	} else if missing := partial.Missing(); len(missing) > 0 {
		c.request(missing)
		return nil
	}
	block, err := partial.Complete(c.at.Height >= c.cfg.Params.SegwitHeight)
	if err != nil {
		c.giveUp()
		return nil
	}
	return c.process(block)
}

// offerKnown offers what the mempool has, and what it had lately.
func (r *Relay) offerKnown(partial *compact.Partial) {
	if r.pool.EachTx(partial.Offer) {
		r.extra.each(partial.Offer)
	}
}

// request asks the peer for what is missing, unless enough others were asked for
// the same block.
func (c *arrivedCompact) request(missing []uint16) {
	held := holder(c.ctx, c.req.Peer)
	if _, ask := c.downloads.joinFlight(c.ctx, held, c.at.Hash, c.req.Compact.Outbound, c.req.Announced); ask {
		c.reply.Missing = missing
	}
}

// giveUp asks for the whole block if nobody else was asked for it before.
func (c *arrivedCompact) giveUp() {
	held := holder(c.ctx, c.req.Peer)
	first, _ := c.downloads.joinFlight(c.ctx, held, c.at.Hash, c.req.Compact.Outbound, c.req.Announced)
	if c.reply.Whole = first; !first {
		c.downloads.leaveFlight(held, c.at.Hash)
		c.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("Peer %d sent us a compact block but it failed to reconstruct, waiting on first download to complete", c.req.Peer))
	}
}

func (c *arrivedCompact) process(block *consensus.Block) error {
	c.logAssembled(block)
	held := holder(c.ctx, c.req.Peer)
	defer c.downloads.delivered(held, block.Hash)
	verdict, err := c.cfg.Owner.ProcessBlock(c.ctx, block, true)
	if err != nil {
		return err
	}
	reply := p2p.SubmitReply{Hash: block.Hash, New: verdict.New}
	if verdict.Reject != nil {
		// BIP152 lets peers pass on what they have verified the header of.
		reply.Reject = verdict.Reject.Reason
	}
	reply.Announce = c.reward(c.ctx, held, verdict, c.req.Compact)
	if verdict.New {
		c.recent.assembled(block, c.req.Asked)
	}
	c.reply.Verdict = &reply
	return nil
}

func (c *arrivedCompact) logAssembled(block *consensus.Block) {
	c.cfg.Log.With("cat", "cmpctblock").Debug(fmt.Sprintf("Successfully reconstructed block %s with %d txn prefilled, %d txn from mempool and extra pool, and %d txn requested",
		block.Hash, len(c.block.Prefilled), len(block.Txs)-len(c.block.Prefilled)-len(c.req.Asked), len(c.req.Asked)))
}
