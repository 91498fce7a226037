package node

import (
	"context"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// maxDisconnected bounds the memory of transactions that are kept for the
// mempool during a reorganisation, as Bitcoin Core counts it.
const maxDisconnected = 20_000_000

// pending is what a step of the chain has done so far: it is told when the
// mempool has followed, in the order disconnected blocks, mempool, connected
// blocks, tip.
type pending struct {
	connected    []chain.Connected
	disconnected []*chain.Disconnected
	bytes        int64 // of disconnected
}

// onChain hears the chain, in the owner's goroutine.
func (n *node) onChain(ev chain.Event) {
	switch ev := ev.(type) {
	case chain.Connected:
		n.onConnected(ev)
	case chain.Disconnected:
		n.onDisconnected(ev)
	case chain.TipChanged:
		n.onTip(ev)
	case chain.HeaderTip:
		n.log.With("cat", "validation").Debug(fmt.Sprintf("Saw new header hash=%s height=%d", ev.Node.Hash, ev.Node.Height))
		n.publishTip(nil)
	case chain.Refused:
		n.log.Info("Block validation error: " + ev.Reject.Error())
		n.log.Info(fmt.Sprintf("InvalidChainFound: invalid block=%s  height=%d  log2_work=%f  date=%s",
			ev.Node.Hash, ev.Node.Height, log2Work(ev.Node), isoTime(ev.Node.Time)))
		n.accused = append(n.accused, ev)
	case chain.Lost:
		n.lostBlock(ev)
	case chain.Pruned:
		n.onPruned(ev)
	case chain.ScriptChecks:
		n.onScriptChecks(ev)
	}
}

func (n *node) onScriptChecks(ev chain.ScriptChecks) {
	if ev.Enabled {
		n.log.Info(fmt.Sprintf("Enabling script verification at block #%d (%s): %s.", ev.Node.Height, ev.Node.Hash, ev.Reason))
	} else {
		n.log.Info(fmt.Sprintf("Disabling script verification at block #%d (%s).", ev.Node.Height, ev.Node.Hash))
	}
}

func (n *node) logTip(at *chain.Node, size int64, count int) {
	n.log.Info(fmt.Sprintf("UpdateTip: new best=%s height=%d version=0x%08x log2_work=%f tx=%d date='%s' progress=%f cache=%.1fMiB(%dtxo)",
		at.Hash, at.Height, uint32(at.Version), log2Work(at), n.engine.Info(at).ChainTx, isoTime(at.Time), n.progress(at),
		float64(size)/(1<<20), count))
}

func (n *node) onConnected(ev chain.Connected) {
	n.logTip(ev.Node, ev.Size, ev.Coins)
	n.sharing.settled(ev.Node.Hash)
	n.pending.connected = append(n.pending.connected, ev)
}

func (n *node) onDisconnected(ev chain.Disconnected) {
	n.logTip(ev.Node.Parent, n.engine.Coins().Size(), n.engine.Coins().Len())
	n.pending.disconnected = append(n.pending.disconnected, &ev)
	if last := len(n.pending.connected) - 1; last >= 0 && n.pending.connected[last].Node == ev.Node {
		// Of a branch that proved invalid further up: nobody was told of it.
		n.pending.connected = n.pending.connected[:last]
	} else {
		n.publishBlock(msg.BlockDisconnected, ev.Node, ev.Block, false)
	}
	// The transactions nearest to the fork are the ones that others depend on.
	for n.pending.bytes += usage(ev.Block); n.pending.bytes > maxDisconnected && len(n.pending.disconnected) > 1; {
		n.pending.bytes -= usage(n.pending.disconnected[0].Block)
		n.pending.disconnected = n.pending.disconnected[1:]
	}
}

func usage(b *consensus.Block) (bytes int64) {
	for _, tx := range b.Txs {
		bytes += mempool.MemoryUsage(tx)
	}
	return bytes
}

func (n *node) onTip(ev chain.TipChanged) {
	connected := n.settle()
	if n.cfg.Events && len(connected) > 0 {
		last := connected[len(connected)-1]
		n.publishBlock(msg.NewTip, last.Node, last.Block, ev.Initial)
	}
	n.tips.set(ev.Tip.Height)
	var headers [][]byte
	for _, c := range connected {
		if !ev.Initial {
			headers = append(headers, c.Node.AppendHeader(nil))
		}
	}
	n.publishTip(headers)
}

// settle lets the mempool follow what the chain has done, and tells of it. It
// returns those of the connected blocks that are news. Of a step that is
// visible, nobody sees the one without the other who looks with Engine.Still.
func (n *node) settle() (news []chain.Connected) {
	done := n.pending
	n.pending = pending{}
	for _, c := range done.connected {
		n.pool.BlockConnected(c.Block, n.now())
	}
	if len(done.disconnected) > 0 {
		confirmed := map[chainhash.Hash]struct{}{}
		for _, c := range done.connected {
			for _, tx := range c.Block.Txs {
				confirmed[tx.ID] = struct{}{}
			}
		}
		var txs []*consensus.Tx
		for i := len(done.disconnected) - 1; i >= 0; i-- {
			txs = append(txs, done.disconnected[i].Block.Txs...)
		}
		n.pool.Reorg(txs, confirmed, n.mempoolTip())
	}
	for _, c := range done.connected {
		if n.oldNews(c.Node) {
			continue
		}
		n.publishBlock(msg.BlockConnected, c.Node, c.Block, c.Initial)
		news = append(news, c)
	}
	return news
}

func (n *node) publishBlock(topic bus.Topic[msg.BlockEvent], at *chain.Node, b *consensus.Block, initial bool) {
	if !n.cfg.Events {
		return
	}
	ev := msg.BlockEvent{
		Seq: n.out.next(), Height: at.Height, Hash: at.Hash, Initial: initial,
		Frames: bus.Frames{Attached: [][]byte{b.Raw}},
	}
	n.out.send(func(ctx context.Context, conn *bus.Conn) error { return topic.Publish(ctx, conn, ev) })
}

// mempoolTip is what the mempool needs to know of the chain.
func (n *node) mempoolTip() mempool.Tip {
	view := n.engine.View()
	tip := view.Tip()
	next := tip.Height + 1
	return mempool.Tip{
		Height: tip.Height, MedianTime: tip.MedianTime(), Now: n.now(),
		MedianTimeAt: func(height int32) int64 { return view.At(height).MedianTime() },
		Flags:        n.params.ScriptFlags(&chainhash.Hash{}, next),
	}
}
