package chainstate

import (
	"maps"

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
func (m *moves) unhear(at *chain.BlockNode) bool {
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

// tell shows readers what the engine has done, lets the mempool follow, and
// passes it on.
func (s *State) tell() {
	var refused []Event
	for _, ev := range s.Chain.Take() {
		switch ev := ev.(type) {
		case chain.TipChanged:
			s.tipChanged(ev)
			continue
		case chain.HeaderTip:
			s.Chain.Show(ev)
		case chain.Connected:
			s.moved.connected = append(s.moved.connected, ev)
		case chain.Refused:
			refused = append(refused, BlockRefused(ev))
		}
		s.observe(Step{ev})
		if gone, ok := ev.(chain.Disconnected); ok {
			if !s.moved.unhear(gone.Node) { // else its branch proved invalid further up
				s.observe(BlockDisconnected{gone})
			}
			s.moved.leave(&gone)
		}
	}
	events, _ := s.updatePool() // of a branch that was given up
	s.observeAll(events)
	// Who sees that a peer has to go sees the chain as it is then.
	s.observeAll(refused)
}

func (s *State) tipChanged(ev chain.TipChanged) {
	s.o.still.Lock()
	s.Chain.Show(ev)
	events, told := s.updatePool()
	s.o.still.Unlock()
	s.observeAll(events)
	s.observe(TipChanged{ev, told})
}

func (s *State) observeAll(events []Event) {
	for _, ev := range events {
		s.observe(ev)
	}
}

// poolEvents are the mempool's as those of this package.
func poolEvents(list []mempool.Event) []Event {
	events := make([]Event, 0, len(list))
	for _, ev := range list {
		switch ev := ev.(type) {
		case mempool.Added:
			events = append(events, TxAdded{ev})
		case mempool.Removed:
			events = append(events, TxRemoved{ev})
		case mempool.Trimmed:
			events = append(events, PoolTrimmed{ev})
		}
	}
	return events
}

// updatePool lets the mempool follow the moves of the chain. It returns what that
// did, and which of the blocks that came are news.
func (s *State) updatePool() (events []Event, news []chain.Connected) {
	moved := s.moved
	s.moved = moves{}
	for _, c := range moved.connected {
		followed := s.Pool.BlockConnected(c.Block, s.Now())
		events = append(append(events, poolEvents(followed)...), PoolFollowed{c, hadOf(followed)})
	}
	if len(moved.disconnected) > 0 {
		events = append(events, s.bringBack(moved)...)
	}
	for _, c := range moved.connected {
		if s.toldBefore(c.Node) {
			continue
		}
		events = append(events, BlockConnected{c})
		news = append(news, c)
	}
	return events, news
}

// hadOf returns what left the mempool for a block.
func hadOf(events []mempool.Event) (had []*mempool.Entry) {
	for _, ev := range events {
		if removed, ok := ev.(mempool.Removed); ok && removed.Reason == mempool.ByBlock {
			had = append(had, removed.Entry)
		}
	}
	return had
}

// bringBack offers the transactions of blocks that left to the mempool.
func (s *State) bringBack(moved moves) []Event {
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
	var events []Event
	_ = s.o.engine.ReadTip(func(at *chain.TipState) error {
		events = poolEvents(s.Pool.Reorg(txs, confirmed, s.o.mempoolTip(at, nearestCoins{at, s.Chain})))
		return nil
	})
	return events
}

// connectedBefore returns the blocks above the coins that an earlier process
// had connected, and told of, before it died: they are connected again, but
// they are no news.
func connectedBefore(e *chain.Engine) map[*chain.BlockNode]struct{} {
	tip := e.View().Tip()
	var above []*chain.BlockNode
	e.Each(func(n *chain.BlockNode) {
		if n.Height > tip.Height {
			above = append(above, n)
		}
	})
	before := map[*chain.BlockNode]struct{}{}
	for _, n := range above {
		if e.Info(n).HaveUndo {
			before[n] = struct{}{}
		}
	}
	return before
}

// forgetLeft forgets the blocks of connectedBefore that are not above the tip,
// when the chain has come to the end of what is on disk: the process before had
// left them, and their connection is news. Those above the tip wait for one that
// was lost from the disk.
func (s *State) forgetLeft() {
	tip := s.Chain.View().Tip()
	maps.DeleteFunc(s.beforeStart, func(n *chain.BlockNode, _ struct{}) bool {
		return n.Ancestor(tip.Height) != tip || s.Chain.Info(n).Failed
	})
}

// toldBefore reports, once for each block, whether its connection was told of
// by an earlier process.
func (s *State) toldBefore(at *chain.BlockNode) bool {
	_, told := s.beforeStart[at]
	delete(s.beforeStart, at)
	return told
}
