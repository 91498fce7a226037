package chain

import (
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Event is one of the types below.
type Event interface{ event() }

// Connected: the UTXO set has moved to the end of a block.
type Connected struct {
	Node    *BlockNode
	Block   *consensus.Block
	Spent   coins.Undo
	Initial bool
	Size    int64 // bytes of the coin cache
	Coins   int   // coins in it
}

// Disconnected: the UTXO set has moved back to before a block.
type Disconnected struct {
	Node  *BlockNode
	Block *consensus.Block
}

// TipChanged follows the last Connected or Disconnected of a step: Fork is
// where the old and the new chain part. Readers see the new one after Show.
type TipChanged struct {
	Tip, Old, Fork *BlockNode
	Initial        bool

	view  *View
	moved uint64 // by how many moves the UTXO set came there; see uncommitted
}

// HeaderTip: there is a new best header. Readers see it after Show.
type HeaderTip struct {
	Node *BlockNode

	view  *View
	moved uint64
}

// Refused: a block was found invalid while it was connected.
type Refused struct {
	Node   *BlockNode
	Reject *consensus.Reject
}

// ScriptChecks tells from which block on scripts are, or are not, verified.
type ScriptChecks struct {
	Node    *BlockNode
	Enabled bool
	Reason  string
}

// Lost tells that a block turned out damaged before it was connected. It counts
// as one that has not arrived.
type Lost struct{ Damage *DamageError }

func (Lost) event()         {}
func (Connected) event()    {}
func (Disconnected) event() {}
func (TipChanged) event()   {}
func (HeaderTip) event()    {}
func (Refused) event()      {}
func (ScriptChecks) event() {}
