package msg

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
)

// EventPrefix is what all topics of this family begin with: who subscribes to
// it hears every change of chain and mempool in one total order, numbered
// without gaps by Seq. They are published only if the node was told that
// somebody wants them.
const EventPrefix = "node.event."

// Every change of the chain and the mempool.
var (
	BlockConnected    = bus.Topic[BlockEvent](EventPrefix + "connected")
	BlockDisconnected = bus.Topic[BlockEvent](EventPrefix + "disconnected")
	// NewTip follows the last BlockConnected of one step of the chain: a
	// reorganisation has several of those and one NewTip.
	NewTip    = bus.Topic[TipEvent](EventPrefix + "tip")
	TxAdded   = bus.Topic[TxEvent](EventPrefix + "txadded")
	TxRemoved = bus.Topic[TxEvent](EventPrefix + "txremoved")
)

// BlockEvent is about one block, which is Attached[0].
type BlockEvent struct {
	Seq     uint64         `cbor:"1,keyasint"`
	Height  int32          `cbor:"2,keyasint"`
	Hash    chainhash.Hash `cbor:"3,keyasint"`
	Initial bool           `cbor:"4,keyasint"` // in initial block download
	bus.Frames
}

// TipEvent names the block of the last BlockConnected, which is the tip now.
type TipEvent struct {
	Seq     uint64         `cbor:"1,keyasint"`
	Height  int32          `cbor:"2,keyasint"`
	Hash    chainhash.Hash `cbor:"3,keyasint"`
	Initial bool           `cbor:"4,keyasint"` // in initial block download
}

// TxEvent is about one mempool transaction; Attached[0] is the transaction.
type TxEvent struct {
	Seq        uint64         `cbor:"1,keyasint"`
	Txid       chainhash.Hash `cbor:"2,keyasint"`
	Wtxid      chainhash.Hash `cbor:"3,keyasint"`
	MempoolSeq uint64         `cbor:"4,keyasint"` // Bitcoin Core's mempool sequence
	Fee        int64          `cbor:"5,keyasint"` // satoshi
	VSize      int64          `cbor:"6,keyasint"`
	Reason     string         `cbor:"7,keyasint,omitempty"` // of a removal: block, conflict, replaced, expiry, sizelimit, reorg
	bus.Frames
}
