package node

import (
	"fmt"
	"math"
	"math/big"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/feed"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
)

// observer passes on what happens to chain and mempool, and logs it.
type observer struct{ *node }

// observe passes on what happens to chain and mempool to those whom it
// concerns, in the goroutine of who causes it.
func (n observer) observe(ev chainstate.Event) {
	switch ev := ev.(type) {
	case chainstate.Step:
		n.observeStep(ev.Event)
	case chainstate.BlockStored:
		n.sets.BlockStored()
		if n.relay.BlockStored(ev.At, ev.Block) {
			n.feed.BlockSeen(ev.At.AppendHeader(nil))
		}
	case chainstate.BlockConnected:
		n.relay.BlockConnected(ev.Block, ev.Initial)
		n.feed.BlockConnected(ev.Node, ev.Block, ev.Initial)
	case chainstate.PoolFollowed:
		if n.fees != nil {
			n.fees.Followed(ev)
		}
	case chainstate.BlockDisconnected:
		n.relay.BlockDisconnected()
		n.feed.BlockDisconnected(ev.Node, ev.Block)
	case chainstate.BlockRefused:
		n.relay.BlockRefused(ev.Node.Hash, ev.Reject)
	case chainstate.TipChanged:
		n.tipChanged(ev)
	case chainstate.TxAdded:
		n.txAdded(ev.Added)
	case chainstate.TxRemoved:
		n.txRemoved(ev.Removed)
	case chainstate.PoolTrimmed:
		n.log.With("cat", "mempool").Debug(fmt.Sprintf("Removed %d txn, rolling minimum fee bumped to %d.%08d BTC/kvB",
			ev.Count, ev.Rate/consensus.Coin, ev.Rate%consensus.Coin))
	case chainstate.TxRebroadcast:
		n.feed.Announce(feed.Announcement(ev.Entry, p2p.NoPeer), ev.Entry.Tx.Size)
	}
}

func (n observer) observeStep(ev chain.Event) {
	switch ev := ev.(type) {
	case chain.Connected:
		n.logTip(ev.Node, ev.Size, ev.Coins)
		n.relay.BlockProcessed(ev.Node.Hash)
	case chain.Disconnected:
		coins := n.owner.Chain().Coins()
		n.logTip(ev.Node.Parent, coins.Size(), coins.Len())
	case chain.HeaderTip:
		n.log.With("cat", "validation").Debug(fmt.Sprintf("Saw new header hash=%s height=%d", ev.Node.Hash, ev.Node.Height))
		n.publishTip()
	case chain.Refused:
		n.log.Info("Block validation error: " + ev.Reject.Error())
		n.log.Info(fmt.Sprintf("InvalidChainFound: invalid block=%s  height=%d  log2_work=%f  date=%s",
			ev.Node.Hash, ev.Node.Height, log2Work(ev.Node), ev.Node.ISOTime()))
		n.compareRefused(n.owner.Chain().View().Tip())
	case chain.Lost:
		n.lost.Add(1)
		n.log.Error(fmt.Sprintf("%v; the block is downloaded again", ev.Damage))
		n.publishTip() // workers ask peers for it
	case chain.Pruned:
		n.onPruned(ev)
	case chain.ScriptChecks:
		n.logScriptChecks(ev)
	}
}

func (n observer) tipChanged(ev chainstate.TipChanged) {
	var headers [][]byte
	if last := len(ev.Connected) - 1; last >= 0 {
		n.feed.NewTip(ev.Connected[last].Node, ev.Initial)
	}
	for _, c := range ev.Connected {
		if !ev.Initial {
			headers = append(headers, c.Node.AppendHeader(nil))
		}
	}
	if view := n.owner.Chain().View(); !view.Initial {
		n.lookAround(view.Tip())
	}
	n.tips.Set(ev.Tip.Height)
	n.relay.TipReached(ev.Tip.Height)
	n.feed.TipChanged(n.owner.Chain().View().Initial, headers)
}

func (n observer) txAdded(ev mempool.Added) {
	n.pools.Added(ev.Entry)
	n.feed.TxAdded(ev.Entry, ev.Sequence)
	n.watch.Added(ev)
	if n.fees != nil {
		n.fees.Added(ev)
	}
	peer := int64(p2p.FromBlock)
	if ev.Entry.Sequence != 0 {
		peer = n.relay.TxSender(ev.Entry.Tx.WitnessID)
	}
	n.feed.Announce(feed.Announcement(ev.Entry, peer), ev.Entry.Tx.Size)
}

func (n observer) txRemoved(ev mempool.Removed) {
	n.pools.Removed(ev.Entry)
	n.feed.TxRemoved(ev.Entry, ev.Sequence, ev.Reason)
	n.watch.Removed(ev)
	if n.fees != nil {
		n.fees.Removed(ev)
	}
	if ev.Reason != mempool.ByBlock {
		n.relay.TxDropped(ev.Entry.Tx)
	}
	if ev.Unheard {
		n.log.With("cat", "mempool").Debug(fmt.Sprintf("Removed %s from set of unbroadcast txns before confirmation that txn was sent out", ev.Entry.Tx.ID))
	}
	if ev.By != nil {
		n.log.With("cat", "mempool").Debug(fmt.Sprintf("replacing mempool tx %s (wtxid=%s, fees=%d, vsize=%d). New tx %s (wtxid=%s, fees=%d, vsize=%d)",
			ev.Entry.Tx.ID, ev.Entry.Tx.WitnessID, ev.Entry.Fee, ev.Entry.VSize, ev.By.Tx.ID, ev.By.Tx.WitnessID, ev.By.Fee, ev.By.VSize))
	}
}

// snapshotEvents tells of the blocks that lead to a loaded UTXO set.
func (n observer) snapshotEvents() snapshot.Events {
	moved := func() { n.tips.Set(n.owner.Chain().View().Height()) } // for indexes, which follow the verified chain
	return snapshot.Events{
		Verified: func(at *chain.BlockNode) {
			n.relay.BlockProcessed(at.Hash)
			moved()
		},
		Finished: func() {
			moved()
			n.publishTip()
		},
	}
}

func (n observer) publishTip() { n.feed.TipChanged(n.owner.Chain().View().Initial, nil) }

func (n observer) logTip(at *chain.BlockNode, size int64, count int) {
	// In the download no peer makes them more than the blocks that there are.
	log := n.log.With("unlimited", n.owner.Chain().View().Initial)
	log.Info(fmt.Sprintf("UpdateTip: new best=%s height=%d version=0x%08x log2_work=%f tx=%d date='%s' progress=%f cache=%.1fMiB(%dtxo)",
		at.Hash, at.Height, uint32(at.Version), log2Work(at), n.owner.Chain().Info(at).ChainTx, at.ISOTime(), n.progress(at),
		float64(size)/(1<<20), count))
}

func (n observer) logScriptChecks(ev chain.ScriptChecks) {
	if ev.Enabled {
		n.log.Info(fmt.Sprintf("Enabling script verification at block #%d (%s): %s.", ev.Node.Height, ev.Node.Hash, ev.Reason))
	} else {
		n.log.Info(fmt.Sprintf("Disabling script verification at block #%d (%s).", ev.Node.Height, ev.Node.Hash))
	}
}

// progress estimates which part of all transactions is verified at a block.
func (n observer) progress(at *chain.BlockNode) float64 {
	now := n.now()
	since := n.owner.Chain().View().Since(at, now, n.params.Spacing)
	return n.params.TxRate.Progress(n.owner.Chain().Info(at).ChainTx, since, now)
}

// log2Work returns the logarithm of a branch's work.
func log2Work(at *chain.BlockNode) float64 {
	work, _ := new(big.Float).SetInt(at.Work.Big()).Float64()
	return math.Log2(work)
}
