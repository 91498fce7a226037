package node

import (
	"context"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
)

const (
	maxWatchCall = 10_000
	maxScan      = 2000
	// maxScanBytes bounds the transactions of one reply.
	maxScanBytes = 8 << 20
)

func (n *node) watchScripts(ctx context.Context, req msg.WatchRequest) (bus.None, error) {
	if len(req.Scripts) > maxWatchCall {
		return bus.None{}, bus.Errorf(bus.KindBadMessage, "%d scripts in one call", len(req.Scripts))
	}
	return bus.None{}, n.watch.add(bus.CallerFrom(ctx).Instance, req.Scripts)
}

func (n *node) scanBlocks(ctx context.Context, req msg.ScanRequest) (reply msg.ScanReply, err error) {
	instance := bus.CallerFrom(ctx).Instance
	view := n.owner.Chain().View()
	fork := n.scanFork(view, req.Locator)
	if h := n.owner.Chain().History(); h != nil && fork.Height < h.Base().Height {
		// Below a loaded UTXO set not all blocks are there to be scanned.
		view = h.View()
		fork = n.scanFork(view, req.Locator)
	}
	reply.ForkHash, reply.ForkHeight = fork.Hash, fork.Height
	last, size := fork, 0
	for range min(max(req.Max, 0), maxScan) {
		at := view.Next(last)
		if at == nil || ctx.Err() != nil || size > maxScanBytes {
			break
		}
		found, err := n.scanBlock(instance, at, &reply)
		if err != nil {
			return reply, err
		}
		last = at
		size += found
	}
	if last != fork && (len(reply.Blocks) == 0 || reply.Blocks[len(reply.Blocks)-1].Hash != last.Hash) {
		reply.Blocks = append(reply.Blocks, msg.ScannedBlock{Hash: last.Hash, Height: last.Height, Time: last.Time})
	}
	reply.LastHash, reply.LastHeight = last.Hash, last.Height
	reply.TipHash, reply.TipHeight = view.Tip().Hash, view.Height()
	return reply, ctx.Err()
}

// scanFork returns the last block of a chain that is in a locator, genesis if
// none is.
func (n *node) scanFork(view *chain.View, locator []chainhash.Hash) *chain.Node {
	for _, hash := range locator {
		if at := n.owner.Chain().Lookup(hash); at != nil && view.Contains(at) {
			return at
		}
	}
	return view.At(0)
}

// scanBlock adds a block's relevant transactions to a reply and returns their
// size.
func (n *node) scanBlock(instance string, at *chain.Node, reply *msg.ScanReply) (size int, err error) {
	block, err := n.owner.Chain().ReadBlock(at)
	if err != nil {
		return 0, err
	}
	undo, err := n.owner.Chain().ReadUndo(at)
	if err != nil {
		return 0, err
	}
	scanned := msg.ScannedBlock{Hash: at.Hash, Height: at.Height, Time: at.Time}
	for i, tx := range block.Txs {
		var spent []coins.Coin
		if i > 0 {
			spent = undo[i-1]
		}
		if !n.watch.relevant(instance, tx, spent) {
			continue
		}
		scanned.Indexes = append(scanned.Indexes, i)
		reply.Attached = append(reply.Attached, tx.Raw())
		size += tx.Size
	}
	if len(scanned.Indexes) > 0 {
		reply.Blocks = append(reply.Blocks, scanned)
	}
	return size, nil
}

func (n *node) watchedMempool(ctx context.Context, _ bus.None) (reply msg.WatchedMempoolReply, err error) {
	instance := bus.CallerFrom(ctx).Instance
	err = n.owner.Do(ctx, func(*chainstate.State) error {
		entries, _ := n.owner.Pool().Entries()
		for _, e := range entries {
			if n.watch.relevant(instance, e.Tx, n.spentBy(e.Tx)) {
				n.watch.note(instance, e.Tx.ID)
				reply.Attached = append(reply.Attached, e.Tx.Raw())
			}
		}
		reply.EventSeq = n.feed.Seq()
		return nil
	})
	return reply, err
}
