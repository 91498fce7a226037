package msg

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
)

// DemandBlock is the manager's word that a user wants a block from a certain peer
// (getblockfrompeer): the node has the peer's session ask for it, whoever was to deliver
// it before.
var DemandBlock = bus.Method[DemandBlockRequest, DemandBlockReply]("node.demand.block")

// DemandBlockRequest names the block and who is to send it.
type DemandBlockRequest struct {
	Hash   chainhash.Hash `cbor:"1,keyasint"`
	Peer   int64          `cbor:"2,keyasint"`
	Worker string         `cbor:"3,keyasint,omitempty"` // the instance that has the peer
	// Refusal is why that peer cannot be asked, "" if it can: the block is looked at
	// first.
	Refusal string `cbor:"4,keyasint,omitempty"`
}

// DemandBlockReply tells why the block is not asked for, in Bitcoin Core's words; "" if
// it is.
type DemandBlockReply struct {
	Refusal string `cbor:"1,keyasint,omitempty"`
}
