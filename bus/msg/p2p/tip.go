package p2p

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

// Tip is the state of the chain.
type Tip struct {
	Height       int32          `cbor:"1,keyasint"`
	Hash         chainhash.Hash `cbor:"2,keyasint"`
	Time         int64          `cbor:"3,keyasint"` // header time of the tip, Unix seconds
	HeaderHeight int32          `cbor:"4,keyasint"` // best header
	HeaderHash   chainhash.Hash `cbor:"5,keyasint"`
	Initial      bool           `cbor:"6,keyasint"` // in initial block download
	EventSeq     uint64         `cbor:"7,keyasint"` // last event that was published
	MinFeeRate   int64          `cbor:"8,keyasint"` // satoshi per 1000 vbytes the mempool asks for
	Lost         int64          `cbor:"9,keyasint"` // stored blocks that proved damaged, since the node's start
	// Partial: blocks below a loaded UTXO set are still missing, so that others
	// find no more here than with a node that prunes.
	Partial bool `cbor:"10,keyasint,omitempty"`
	Work    Work `cbor:"11,keyasint"` // of the chain up to the tip
}

// TipChangedEvent carries the new state and, in attachments, the headers (80
// bytes each) of the blocks that joined the best chain since the last event,
// lowest first. Blocks connected during initial download are not listed.
type TipChangedEvent struct {
	Tip Tip `cbor:"1,keyasint"`
	multipart.Frames
}

// BlockSeenEvent carries the header of a block (80 bytes) in its only attachment.
type BlockSeenEvent struct {
	multipart.Frames
}
