package msg

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Queries about the chain that any part may ask the node.
var (
	// GetTip returns the state of the chain after everything that was accepted
	// before the call.
	GetTip = bus.Method[bus.None, p2p.Tip]("node.chain.tip")
	// GetBlock returns a block of any branch; error kind "node.unknown-block".
	GetBlock = bus.Method[GetBlockRequest, GetBlockReply]("node.chain.getblock")
	// GetTxRates returns how fast transactions are announced to peers.
	GetTxRates = bus.Method[bus.None, TxRates]("node.chain.txrates")
)

// TipChanged is published whenever the tip, the best header or the minimum
// fee rate has changed; a worker announces the blocks it lists to its peers.
var TipChanged = bus.Topic[p2p.TipChangedEvent]("node.tip")

// BlockSeen is published when a block has arrived that comes next after the tip, before
// its scripts are verified: its work, its place and its transactions' root are right.
// A worker may announce it at once to peers that asked for compact blocks (BIP152,
// "pre-validation relay").
var BlockSeen = bus.Topic[p2p.BlockSeenEvent]("node.seen")

// TxRates is how fast transactions are announced to peers.
type TxRates struct {
	PerSecond int         `cbor:"1,keyasint"` // to inbound peers, in the long run (-txsendrate)
	Inbound   TxRateState `cbor:"2,keyasint"`
	Outbound  TxRateState `cbor:"3,keyasint"`
}

// TxRateState is how much may be announced now to one kind of peers.
type TxRateState struct {
	Backlog int     `cbor:"1,keyasint" json:"backlog"`   // transactions that wait
	Count   float64 `cbor:"2,keyasint" json:"count_tok"` // transactions
	Bytes   float64 `cbor:"3,keyasint" json:"size_tok"`  // serialised bytes
}

// KindUnknownBlock is the error of a query for a block the node does not have.
const KindUnknownBlock bus.Kind = "node.unknown-block"

// GetBlockRequest names a block.
type GetBlockRequest struct {
	Hash chainhash.Hash `cbor:"1,keyasint"`
}

// GetBlockReply carries the block in Attached[0].
type GetBlockReply struct {
	Height int32 `cbor:"1,keyasint"`
	InBest bool  `cbor:"2,keyasint"` // in the best chain
	bus.Frames
}
