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
)

// TipChanged is published whenever the tip, the best header or the minimum
// fee rate has changed; a worker announces the blocks it lists to its peers.
var TipChanged = bus.Topic[p2p.TipChangedEvent]("node.tip")

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
