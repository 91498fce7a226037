package chainstate

import (
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// Event is one of the types below.
type Event interface{ event() }

// Step: the engine did something, of which others may not see the result yet:
// any of chain's events but TipChanged.
type Step struct{ chain.Event }

// BlockStored: a block arrived that was not there; it may be connected later.
type BlockStored struct {
	At    *chain.BlockNode
	Block *consensus.Block
}

// BlockDisconnected: a block left the chain that a BlockConnected was about, of
// this process or of one before.
type BlockDisconnected struct{ chain.Disconnected }

// BlockConnected: a block came to the chain, and the mempool has followed. It
// is told once for a block, even if the process dies and connects it again.
type BlockConnected struct{ chain.Connected }

// PoolFollowed: the mempool has followed a block that came to the chain, of which it had
// some transactions, in their order. It is told at once, and also of a block of which an
// earlier process has told.
type PoolFollowed struct {
	chain.Connected
	Had []*mempool.Entry
}

// TipChanged: View shows another tip. Connected holds the blocks of the
// BlockConnected events since the last one.
type TipChanged struct {
	chain.TipChanged
	Connected []chain.Connected
}

// BlockRefused: a block proved invalid when it was connected, and the chain and
// the mempool are as they are without it.
type BlockRefused struct {
	Node   *chain.BlockNode
	Reject *consensus.Reject
}

// TxAdded: a transaction entered the mempool.
type TxAdded struct{ mempool.Added }

// TxRemoved: a transaction left the mempool.
type TxRemoved struct{ mempool.Removed }

// PoolTrimmed: the mempool was full.
type PoolTrimmed struct{ mempool.Trimmed }

// TxRebroadcast: a transaction is in the mempool that our user has sent again, or that
// no peer has asked for yet.
type TxRebroadcast struct{ Entry *mempool.Entry }

func (TxRebroadcast) event()     {}
func (Step) event()              {}
func (BlockStored) event()       {}
func (BlockDisconnected) event() {}
func (BlockConnected) event()    {}
func (PoolFollowed) event()      {}
func (TipChanged) event()        {}
func (BlockRefused) event()      {}
func (TxAdded) event()           {}
func (TxRemoved) event()         {}
func (PoolTrimmed) event()       {}
