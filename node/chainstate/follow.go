package chainstate

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// maxDisconnected bounds the memory of transactions that are kept for the
// mempool during a reorganisation, as Bitcoin Core counts it.
const maxDisconnected = 20_000_000

// moves are the blocks by which the chain has moved while the mempool has not
// followed yet.
type moves struct {
	connected    []chain.Connected
	disconnected []*chain.Disconnected
	bytes        int64 // of disconnected
}

// unhear takes out a block that was connected but not told of, if it is the
// last one.
func (m *moves) unhear(at *chain.Node) bool {
	last := len(m.connected) - 1
	if last < 0 || m.connected[last].Node != at {
		return false
	}
	m.connected = m.connected[:last]
	return true
}

// leave adds a block that left. The transactions nearest to the fork are those
// that others depend on: the ones farthest away go first when it is too much.
func (m *moves) leave(ev *chain.Disconnected) {
	m.disconnected = append(m.disconnected, ev)
	for m.bytes += usage(ev.Block); m.bytes > maxDisconnected && len(m.disconnected) > 1; {
		m.bytes -= usage(m.disconnected[0].Block)
		m.disconnected = m.disconnected[1:]
	}
}

func usage(b *consensus.Block) (bytes int64) {
	for _, tx := range b.Txs {
		bytes += mempool.MemoryUsage(tx)
	}
	return bytes
}

// onChain hears the engine.
func (s *State) onChain(ev chain.Event) {
	if tip, ok := ev.(chain.TipChanged); ok {
		s.observe(TipChanged{tip, s.settle()})
		return
	}
	s.observe(Step{ev})
	switch ev := ev.(type) {
	case chain.Connected:
		s.moved.connected = append(s.moved.connected, ev)
	case chain.Disconnected:
		if !s.moved.unhear(ev.Node) { // else its branch proved invalid further up
			s.observe(BlockDisconnected{ev})
		}
		s.moved.leave(&ev)
	case chain.Refused:
		s.refused = append(s.refused, BlockRefused(ev))
	}
}

// onMempool hears the mempool.
func (s *State) onMempool(ev mempool.Event) {
	switch ev := ev.(type) {
	case mempool.Added:
		s.observe(TxAdded{ev})
	case mempool.Removed:
		s.observe(TxRemoved{ev})
	}
}

// settle lets the mempool follow the moves of the chain, and tells of the
// blocks that came. It returns those that it has told of.
func (s *State) settle() (told []chain.Connected) {
	moved := s.moved
	s.moved = moves{}
	for _, c := range moved.connected {
		s.Pool.BlockConnected(c.Block, s.Now())
	}
	if len(moved.disconnected) > 0 {
		s.bringBack(moved)
	}
	for _, c := range moved.connected {
		if s.toldBefore(c.Node) {
			continue
		}
		s.observe(BlockConnected{c})
		told = append(told, c)
	}
	return told
}

// bringBack offers the transactions of blocks that left to the mempool.
func (s *State) bringBack(moved moves) {
	confirmed := map[chainhash.Hash]struct{}{}
	for _, c := range moved.connected {
		for _, tx := range c.Block.Txs {
			confirmed[tx.ID] = struct{}{}
		}
	}
	var txs []*consensus.Tx
	for i := len(moved.disconnected) - 1; i >= 0; i-- {
		txs = append(txs, moved.disconnected[i].Block.Txs...)
	}
	s.Pool.Reorg(txs, confirmed, s.MempoolTip())
}

// connectedBefore returns the blocks above the coins that an earlier process
// had connected, and told of, before it died: they are connected again, but
// they are no news.
func connectedBefore(e *chain.Engine) map[*chain.Node]struct{} {
	tip := e.View().Tip()
	var above []*chain.Node
	e.Each(func(n *chain.Node) {
		if n.Height > tip.Height {
			above = append(above, n)
		}
	})
	before := map[*chain.Node]struct{}{}
	for _, n := range above {
		if e.Info(n).HaveUndo {
			before[n] = struct{}{}
		}
	}
	return before
}

// toldBefore reports, once for each block, whether its connection was told of
// by an earlier process.
func (s *State) toldBefore(at *chain.Node) bool {
	_, told := s.resumed[at]
	delete(s.resumed, at)
	return told
}
