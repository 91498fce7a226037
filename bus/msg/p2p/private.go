package p2p

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

// MaxPrivate is how many connections for one transaction each there are at a time.
const MaxPrivate = 64

// MaxPrivateAddress bounds what a worker calls the address of a peer, in bytes.
const MaxPrivateAddress = 128

// TakePrivateRequest names a peer and its address, of at most MaxPrivateAddress bytes,
// which is shown to the user.
type TakePrivateRequest struct {
	Peer    int64  `cbor:"1,keyasint"`
	Address string `cbor:"2,keyasint"`
}

// TakePrivateReply carries the transaction, with its witness, in Attached[0] if Found.
type TakePrivateReply struct {
	Found bool           `cbor:"1,keyasint"`
	Txid  chainhash.Hash `cbor:"2,keyasint"`
	multipart.Frames
}

// ConfirmPrivateRequest names a peer.
type ConfirmPrivateRequest struct {
	Peer int64 `cbor:"1,keyasint"`
}
