package msg

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
)

// What a worker asks and tells the node on behalf of a peer. Peer is the
// number the manager gave to the connection.
var (
	// GetLocator returns a block locator of the best header chain.
	GetLocator = bus.Method[bus.None, LocatorReply]("node.p2p.locator")
	// FindHeaders answers getheaders from the best chain: at most 2000.
	FindHeaders = bus.Method[FindRequest, HeadersReply]("node.p2p.findheaders")
	// FindBlocks answers getblocks: at most 500 hashes.
	FindBlocks = bus.Method[FindRequest, LocatorReply]("node.p2p.findblocks")
	// SubmitHeaders hands over a headers message.
	SubmitHeaders = bus.Method[SubmitHeadersRequest, SubmitHeadersReply]("node.p2p.headers")
	// LeaseBlocks asks for blocks to download from a peer.
	LeaseBlocks = bus.Method[LeaseRequest, LeaseReply]("node.p2p.lease")
	// ReleasePeer returns a peer's leases: it is gone or too slow.
	ReleasePeer = bus.Method[PeerRequest, bus.None]("node.p2p.release")
	// SubmitBlock hands over a block; the reply comes when it is wholly
	// processed: connected, stored on a side branch, or refused.
	SubmitBlock = bus.Method[SubmitBlockRequest, SubmitReply]("node.p2p.block")
	// FetchBlock answers getdata for a block of the best or a recent branch.
	FetchBlock = bus.Method[FetchBlockRequest, FetchReply]("node.p2p.getblock")
	// SubmitTx hands over a transaction.
	SubmitTx = bus.Method[SubmitTxRequest, SubmitReply]("node.p2p.tx")
	// WantTxs asks which announced transactions this peer should be asked for:
	// each is asked for once over all workers, until its request times out.
	WantTxs = bus.Method[WantTxsRequest, WantTxsReply]("node.p2p.want")
	// FetchTx answers getdata for a mempool transaction.
	FetchTx = bus.Method[FetchTxRequest, FetchReply]("node.p2p.gettx")
	// MempoolTxs lists the mempool, for the "mempool" message (BIP35).
	MempoolTxs = bus.Method[bus.None, TxsAnnouncedEvent]("node.p2p.mempool")
)

// TxsAnnounced tells workers which transactions entered the mempool.
var TxsAnnounced = bus.Topic[TxsAnnouncedEvent]("node.txs")

// PeerBlamed is published to one worker, as topic with the instance's name as
// suffix, when a block that one of its peers sent earlier proves invalid.
var PeerBlamed = bus.Topic[PeerBlamedEvent]("node.blame.")

// PeerBlamedEvent names the peer and the block, and says why it was refused.
type PeerBlamedEvent struct {
	Peer   int64          `cbor:"1,keyasint"`
	Hash   chainhash.Hash `cbor:"2,keyasint"`
	Reason string         `cbor:"3,keyasint"`
}

// LocatorReply holds block hashes, highest first for a locator, lowest first
// for getblocks.
type LocatorReply struct {
	Hashes []chainhash.Hash `cbor:"1,keyasint"`
}

// FindRequest is a getheaders or getblocks message. At most 101 hashes.
type FindRequest struct {
	Locator []chainhash.Hash `cbor:"1,keyasint"`
	Stop    chainhash.Hash   `cbor:"2,keyasint"`
}

// HeadersReply carries the headers, 80 bytes each, in Attached[0].
type HeadersReply struct {
	Count int `cbor:"1,keyasint"`
	bus.Frames
}

// SubmitHeadersRequest carries at most 2000 headers, 80 bytes each, in
// Attached[0].
type SubmitHeadersRequest struct {
	Peer int64 `cbor:"1,keyasint"`
	bus.Frames
}

// SubmitHeadersReply tells what became of them.
type SubmitHeadersReply struct {
	New          int            `cbor:"1,keyasint"` // headers that were unknown
	Last         chainhash.Hash `cbor:"2,keyasint"` // last one that is known now
	Height       int32          `cbor:"3,keyasint"` // its height
	Unconnecting bool           `cbor:"4,keyasint"` // the first one's parent is unknown
	Reject       string         `cbor:"5,keyasint,omitempty"`
	Misbehaving  bool           `cbor:"6,keyasint"` // the peer deserves to be disconnected
	Download     bool           `cbor:"7,keyasint"` // the branch has enough work to be worth its blocks
}

// LeaseRequest tells what a peer has and how much is wanted.
type LeaseRequest struct {
	Peer int64          `cbor:"1,keyasint"`
	Best chainhash.Hash `cbor:"2,keyasint"` // last header the peer is known to have
	Max  int            `cbor:"3,keyasint"`
	// Limited tells that the peer serves only blocks near its tip (BIP159).
	Limited bool `cbor:"4,keyasint"`
}

// LeaseReply grants blocks, lowest first, until the deadline.
type LeaseReply struct {
	Hashes []chainhash.Hash `cbor:"1,keyasint"`
	// Seconds after which blocks not delivered go to another peer.
	Seconds int `cbor:"2,keyasint"`
	// Retry: nothing now, but blocks of this peer are leased to others or
	// outside the download window.
	Retry bool `cbor:"3,keyasint"`
}

// PeerRequest names a peer.
type PeerRequest struct {
	Peer int64 `cbor:"1,keyasint"`
}

// SubmitBlockRequest carries the block in Attached[0].
type SubmitBlockRequest struct {
	Peer      int64 `cbor:"1,keyasint"`
	Requested bool  `cbor:"2,keyasint"` // it was asked for
	bus.Frames
}

// SubmitTxRequest carries the transaction in Attached[0].
type SubmitTxRequest struct {
	Peer  int64 `cbor:"1,keyasint"`
	Force bool  `cbor:"2,keyasint"` // forcerelay permission
	bus.Frames
}

// SubmitReply tells what became of a block or a transaction.
type SubmitReply struct {
	Hash        chainhash.Hash   `cbor:"1,keyasint"` // block hash or txid
	Wtxid       chainhash.Hash   `cbor:"2,keyasint"`
	New         bool             `cbor:"3,keyasint"` // accepted, and not known before
	Reject      string           `cbor:"4,keyasint,omitempty"`
	Misbehaving bool             `cbor:"5,keyasint"`           // the peer deserves to be disconnected
	Missing     []chainhash.Hash `cbor:"6,keyasint,omitempty"` // txids of unknown parents
	Mutated     bool             `cbor:"7,keyasint"`           // the block is malleated: another peer may have it right
}

// FetchBlockRequest names a block and how to serialise it.
type FetchBlockRequest struct {
	Hash    chainhash.Hash `cbor:"1,keyasint"`
	Witness bool           `cbor:"2,keyasint"`
}

// FetchTxRequest names a mempool transaction.
type FetchTxRequest struct {
	Hash    chainhash.Hash `cbor:"1,keyasint"`
	Wtxid   bool           `cbor:"2,keyasint"` // Hash is a wtxid (BIP339)
	Witness bool           `cbor:"3,keyasint"`
}

// FetchReply carries what was found in Attached[0]; nothing if it was not.
type FetchReply struct {
	Found bool `cbor:"1,keyasint"`
	// TooDeep tells that a node that has pruned blocks does not serve one so
	// far below its tip, even if it is still there (BIP159).
	TooDeep bool `cbor:"2,keyasint"`
	bus.Frames
}

// WantTxsRequest lists announced transactions: txids, or wtxids if Wtxid.
type WantTxsRequest struct {
	Peer   int64            `cbor:"1,keyasint"`
	Wtxid  bool             `cbor:"2,keyasint"`
	Hashes []chainhash.Hash `cbor:"3,keyasint"`
}

// WantTxsReply holds those to ask this peer for now, and those that another
// peer was asked for, to be asked about again after RetrySeconds.
type WantTxsReply struct {
	Request      []chainhash.Hash `cbor:"1,keyasint"`
	Later        []chainhash.Hash `cbor:"2,keyasint"`
	RetrySeconds int              `cbor:"3,keyasint"`
}

// TxsAnnouncedEvent lists transactions with their fee rates.
type TxsAnnouncedEvent struct {
	Txs []TxAnnouncement `cbor:"1,keyasint"`
}

// Senders of transactions that are not peers. A transaction that returned from
// a block which left the chain was public before: peers may fetch it at once.
const (
	NoPeer    = -1
	FromBlock = -2
)

// TxAnnouncement is one of them.
type TxAnnouncement struct {
	Txid    chainhash.Hash `cbor:"1,keyasint"`
	Wtxid   chainhash.Hash `cbor:"2,keyasint"`
	FeeRate int64          `cbor:"3,keyasint"` // satoshi per 1000 vbytes
	Peer    int64          `cbor:"4,keyasint"` // who sent it; or NoPeer, or FromBlock
}
