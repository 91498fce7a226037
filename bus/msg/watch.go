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
	// ScanBlocks goes through the best chain from a point to its tip, for the
	// relevant transactions. Its window should be at most 16.
	ScanBlocks = bus.Stream[ScanRequest, ScanItem]("node.watch.scan")
	// WatchedMempool goes through the relevant transactions of the mempool,
	// parents first. Its window should be at most 16.
	WatchedMempool = bus.Stream[bus.None, WatchedMempoolItem]("node.watch.mempool")
	// BroadcastTx is sendrawtransaction for parts; error kind
	// "node.tx-rejected" with the reject reason.
	BroadcastTx = bus.Method[BroadcastRequest, bus.None]("node.tx.broadcast")
)

// WatchedTx is published to one wallet, as topic with the instance's name as
// suffix, when a relevant transaction enters or leaves the mempool.
var WatchedTx = bus.Topic[WatchedTxEvent]("node.watch.")

// KindTxRejected is the error of a transaction that the node refuses.
const KindTxRejected bus.Kind = "node.tx-rejected"

// KindNotWatching is the error of a scan for an instance that watches nothing:
// the node has forgotten its scripts, and would find none of its transactions.
const KindNotWatching bus.Kind = "node.not-watching"

// Bounds of one message of this family.
const (
	MaxWatchScripts = 10_000  // scripts of a WatchRequest
	MaxWatchBytes   = 8 << 20 // bytes of them together
	MaxLocator      = 101     // hashes of a ScanRequest, as in a getblocks message
	MaxItemTxs      = 1000    // transactions of an item
	// MaxItemBytes bounds the transactions of an item together. No transaction
	// is larger.
	MaxItemBytes = 4 << 20
)

// WatchRequest holds output scripts, at most MaxWatchScripts and
// MaxWatchBytes.
type WatchRequest struct {
	Scripts [][]byte `cbor:"1,keyasint"`
}

// ScanRequest names the point after which to scan: the first of the hashes
// (highest first) that is in the best chain, genesis if none is. At most
// MaxLocator hashes.
type ScanRequest struct {
	Locator []chainhash.Hash `cbor:"1,keyasint"`
}

// ScanItem tells that the chain was scanned up to a block, and which relevant
// transactions that block has; the blocks between it and that of the item
// before have none. The first item names the point where the scan begins:
// blocks above it that the wallet knew are no longer in the best chain. A block
// with more transactions than an item may hold takes several, of which all but
// the last are Partial.
//
// The stream ends at the tip that the chain had when it began.
type ScanItem struct {
	Hash      chainhash.Hash `cbor:"1,keyasint"`
	Height    int32          `cbor:"2,keyasint"`
	Time      int64          `cbor:"3,keyasint"`           // of the header, Unix seconds
	Indexes   []int          `cbor:"4,keyasint,omitempty"` // place in the block of each transaction in Attached
	Partial   bool           `cbor:"5,keyasint,omitempty"` // more items of the same block follow
	TipHeight int32          `cbor:"6,keyasint"`           // where the stream will end
	bus.Frames
}

// WatchedMempoolItem carries transactions as attachments. There is at least
// one item.
type WatchedMempoolItem struct {
	// Seq is that of the last WatchedTxEvent which the list takes into account.
	// It is the same in all items.
	Seq uint64 `cbor:"1,keyasint"`
	bus.Frames
}

// WatchedTxEvent carries the transaction in Attached[0].
type WatchedTxEvent struct {
	Txid   chainhash.Hash `cbor:"1,keyasint"`
	Added  bool           `cbor:"2,keyasint"`
	Reason string         `cbor:"3,keyasint,omitempty"` // of a removal, as in TxEvent
	Time   int64          `cbor:"4,keyasint"`           // when it entered the mempool, Unix seconds
	Seq    uint64         `cbor:"5,keyasint"`           // counts up over all events of the node's process
	bus.Frames
}

// BroadcastRequest carries the transaction in Attached[0].
type BroadcastRequest struct {
	MaxFeeRate int64 `cbor:"1,keyasint"` // satoshi per 1000 vbytes, 0 for no limit
	bus.Frames
}
