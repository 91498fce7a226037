package msg

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
)

// What a wallet asks of the node. The node remembers which scripts each
// wallet watches as long as its link lives, so that only relevant
// transactions cross the bus.
var (
	// WatchScripts adds output scripts to what the calling instance watches.
	WatchScripts = bus.Method[WatchRequest, bus.None]("node.watch.add")
	// ScanBlocks returns the relevant transactions of the next blocks of the
	// best chain after a point.
	ScanBlocks = bus.Method[ScanRequest, ScanReply]("node.watch.scan")
	// WatchedMempool returns the relevant transactions of the mempool.
	WatchedMempool = bus.Method[bus.None, WatchedMempoolReply]("node.watch.mempool")
	// BroadcastTx is sendrawtransaction for parts; error kind
	// "node.tx-rejected" with the reject reason.
	BroadcastTx = bus.Method[BroadcastRequest, bus.None]("node.tx.broadcast")
)

// WatchedTx is published to one wallet, as topic with the instance's name as
// suffix, when a relevant transaction enters or leaves the mempool.
var WatchedTx = bus.Topic[WatchedTxEvent]("node.watch.")

// KindTxRejected is the error of a transaction that the node refuses.
const KindTxRejected bus.Kind = "node.tx-rejected"

// WatchRequest holds output scripts. At most 10000 a call.
type WatchRequest struct {
	Scripts [][]byte `cbor:"1,keyasint"`
}

// ScanRequest names the point after which to scan: the first of the hashes
// (highest first) that is in the best chain.
type ScanRequest struct {
	Locator []chainhash.Hash `cbor:"1,keyasint"`
	Max     int              `cbor:"2,keyasint"` // blocks to look at, at most 2000
}

// ScanReply holds what was found. Tx i of the blocks in sequence is
// Attached[i].
type ScanReply struct {
	ForkHash   chainhash.Hash `cbor:"1,keyasint"` // where the scan began: blocks above it that the wallet knew are gone
	ForkHeight int32          `cbor:"2,keyasint"`
	Blocks     []ScannedBlock `cbor:"3,keyasint"` // blocks with relevant transactions, and the last one looked at
	LastHash   chainhash.Hash `cbor:"4,keyasint"`
	LastHeight int32          `cbor:"5,keyasint"`
	TipHash    chainhash.Hash `cbor:"6,keyasint"`
	TipHeight  int32          `cbor:"7,keyasint"`
	bus.Frames
}

// ScannedBlock is one of them.
type ScannedBlock struct {
	Hash    chainhash.Hash `cbor:"1,keyasint"`
	Height  int32          `cbor:"2,keyasint"`
	Time    int64          `cbor:"3,keyasint"`
	Indexes []int          `cbor:"4,keyasint"` // positions of the relevant transactions in the block
}

// WatchedMempoolReply carries the transactions as attachments, parents first.
type WatchedMempoolReply struct {
	EventSeq uint64 `cbor:"1,keyasint"`
	bus.Frames
}

// WatchedTxEvent carries the transaction in Attached[0].
type WatchedTxEvent struct {
	Txid   chainhash.Hash `cbor:"1,keyasint"`
	Added  bool           `cbor:"2,keyasint"`
	Reason string         `cbor:"3,keyasint,omitempty"` // of a removal, as in TxEvent
	Time   int64          `cbor:"4,keyasint"`
	bus.Frames
}

// BroadcastRequest carries the transaction in Attached[0].
type BroadcastRequest struct {
	MaxFeeRate int64 `cbor:"1,keyasint"` // satoshi per 1000 vbytes, 0 for no limit
	bus.Frames
}
