package p2p

import (
	"bytes"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

// PeerEvent is what the node tells the session of one peer. One field besides
// Peer is set; none, if the node tells something that this version does not
// know.
type PeerEvent struct {
	Peer   int64       `cbor:"1,keyasint"`
	Blamed *PeerBlamed `cbor:"2,keyasint,omitempty"`
	// Relieved: the peer need not announce blocks as compact blocks any more, as
	// others were faster.
	Relieved bool `cbor:"3,keyasint,omitempty"`
	// Stalls: the whole download waits for a block that the peer owes.
	Stalls bool `cbor:"4,keyasint,omitempty"`
	// Fetch: there are blocks to lease that others were to deliver.
	Fetch bool `cbor:"5,keyasint,omitempty"`
	// Headers: it may be this peer's turn to be asked for all its headers.
	Headers bool `cbor:"6,keyasint,omitempty"`
	// Txs: there may be transactions to request that others were to deliver.
	Txs bool `cbor:"7,keyasint,omitempty"`
	// Demand: a user wants a block from this peer.
	Demand *BlockDemand `cbor:"8,keyasint,omitempty"`
}

// BlockDemand names a block whose header the node has.
type BlockDemand struct {
	Hash chainhash.Hash `cbor:"1,keyasint"`
}

// PeerBlamed says that a block which the peer sent earlier proved invalid, and
// why.
type PeerBlamed struct {
	Hash   chainhash.Hash `cbor:"1,keyasint"`
	Reason string         `cbor:"2,keyasint"`
}

// LocatorReply holds block hashes, highest first for a locator, lowest first
// for getblocks.
type LocatorReply struct {
	Hashes []chainhash.Hash `cbor:"1,keyasint"`
	// Known: the announced block's header is there. Download: it is worth having.
	Known    bool `cbor:"2,keyasint,omitempty"`
	Download bool `cbor:"3,keyasint,omitempty"`
	Work     Work `cbor:"5,keyasint,omitempty"` // of its chain
	// Wait: another peer is asked for its headers first. There will be an event.
	Wait bool `cbor:"4,keyasint,omitempty"`
	// Patience is how many milliseconds a peer that begins has for all its headers, 0 for
	// any time. One that waits may ask again after them, 0 for the event.
	Patience int64 `cbor:"6,keyasint,omitempty"`
	// Late: one that is overdue has to make room for another. Over: nobody waits for it.
	Late bool `cbor:"7,keyasint,omitempty"`
	Over bool `cbor:"8,keyasint,omitempty"`
}

// LocatorRequest asks for a block locator of the best header chain, for a peer that
// announced a block if that is not zero, or to begin with all its headers; or for one of
// the chain that ends before the block Below, if that is not zero and known.
type LocatorRequest struct {
	Announced chainhash.Hash `cbor:"1,keyasint,omitempty"`
	Peer      int64          `cbor:"2,keyasint,omitempty"`
	Begin     bool           `cbor:"3,keyasint,omitempty"`
	Below     chainhash.Hash `cbor:"4,keyasint,omitempty"`
	// Early: the peer has not been asked for all its headers. For each block that is
	// announced one of these is.
	Early bool `cbor:"5,keyasint,omitempty"`
	// Preferred: we chose the peer, or the user vouches for it.
	Preferred bool `cbor:"6,keyasint,omitempty"`
	// Overdue: the peer has had the patience to tell all its headers, and has not.
	Overdue bool `cbor:"7,keyasint,omitempty"`
}

// FindHeadersRequest is a getheaders message. At most MaxLocator
// hashes.
type FindHeadersRequest struct {
	Locator []chainhash.Hash `cbor:"1,keyasint"`
	Stop    chainhash.Hash   `cbor:"2,keyasint"`
}

// FindBlocksRequest is a getblocks message. At most MaxLocator
// hashes.
type FindBlocksRequest struct {
	Locator []chainhash.Hash `cbor:"1,keyasint"`
	Stop    chainhash.Hash   `cbor:"2,keyasint"`
}

// HeadersReply carries the headers, 80 bytes each, in Attached[0].
type HeadersReply struct {
	Count int `cbor:"1,keyasint"`
	// Ignore: the request is not to be answered at all.
	Ignore bool `cbor:"2,keyasint,omitempty"`
	multipart.Frames
}

// SubmitHeadersRequest carries at most 2000 headers, 80 bytes each, in
// Attached[0].
type SubmitHeadersRequest struct {
	Peer    int64 `cbor:"1,keyasint"`
	Trusted bool  `cbor:"2,keyasint"` // its headers are kept however little work they show
	multipart.Frames
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
	// LowWork: none was kept, as they do not show enough work yet.
	LowWork bool     `cbor:"8,keyasint"`
	Presync *Presync `cbor:"9,keyasint,omitempty"`
	Work    Work     `cbor:"10,keyasint,omitempty"` // of the chain to Last
	// Ended: they were the answer that Presync asked for, and there is no more to ask.
	Ended bool `cbor:"11,keyasint,omitempty"`
}

// Work is the work of a chain in expected hashes, the most significant byte first.
type Work [32]byte

// Less reports whether w is less work than other.
func (w *Work) Less(other *Work) bool { return bytes.Compare(w[:], other[:]) < 0 }

// Presync asks for what follows headers that are not kept yet.
type Presync struct {
	Height  int32            `cbor:"1,keyasint"` // of the last one; -1 when they come for the second time
	Locator []chainhash.Hash `cbor:"2,keyasint"` // at most MaxLocator
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

// MempoolRequest asks for the whole mempool.
type MempoolRequest struct{}

// Done is an empty reply.
type Done struct{}

// ReleaseRequest returns the leases of a peer.
type ReleaseRequest struct {
	Peer   int64 `cbor:"1,keyasint"`
	Blocks bool  `cbor:"2,keyasint,omitempty"` // those alone: the peer stays
}

// Compact is what the node wants to know of a peer that brings a block: the three
// that were first lately are asked to announce blocks as compact blocks (BIP152,
// high-bandwidth mode).
type Compact struct {
	Provides bool `cbor:"1,keyasint"` // it offered compact blocks, and we take them
	Outbound bool `cbor:"2,keyasint"`
}

// SubmitCompactRequest carries a cmpctblock message in Attached[0], and in
// Attached[1] what follows the hash in the blocktxn that answers Asked.
type SubmitCompactRequest struct {
	Peer      int64    `cbor:"1,keyasint"`
	Requested bool     `cbor:"2,keyasint"` // the block was asked for
	Announced bool     `cbor:"3,keyasint"` // the peer was asked to announce so
	Compact   Compact  `cbor:"4,keyasint"`
	Asked     []uint16 `cbor:"5,keyasint,omitempty"` // positions, ascending; at most 65536
	multipart.Frames
}

// SubmitCompactReply tells what to do: one field besides Headers is set, or none
// if there is nothing to be done.
type SubmitCompactReply struct {
	Headers   SubmitHeadersReply `cbor:"1,keyasint"`           // what became of the header
	Malformed string             `cbor:"2,keyasint,omitempty"` // it cannot be read, for this reason
	Invalid   string             `cbor:"3,keyasint,omitempty"` // the peer deserves to be disconnected, for this reason
	Missing   []uint16           `cbor:"4,keyasint,omitempty"` // positions to ask this peer for by getblocktxn
	Whole     bool               `cbor:"5,keyasint"`           // this peer is to be asked for the whole block
	AsHeaders bool               `cbor:"6,keyasint"`           // take it as a headers message
	Verdict   *SubmitReply       `cbor:"7,keyasint,omitempty"` // what became of the block
}

// FetchBlockTxsRequest is a getblocktxn message. At most 65536 positions,
// ascending.
type FetchBlockTxsRequest struct {
	Peer    int64          `cbor:"1,keyasint"`
	Hash    chainhash.Hash `cbor:"2,keyasint"`
	Indexes []uint16       `cbor:"3,keyasint"`
}

// FetchBlockTxsReply carries the blocktxn message in Attached[0] if Found.
type FetchBlockTxsReply struct {
	Found     bool `cbor:"1,keyasint"`
	TooDeep   bool `cbor:"2,keyasint"` // the block is to be served whole
	NoSuchTxs bool `cbor:"3,keyasint"` // the block has fewer transactions
	multipart.Frames
}

// FetchFiltersRequest is a request for basic filters (BIP158) of the blocks from
// height Start to the block Stop. Message is its type.
type FetchFiltersRequest struct {
	Message string         `cbor:"1,keyasint"`
	Start   uint32         `cbor:"2,keyasint"`
	Stop    chainhash.Hash `cbor:"3,keyasint"`
}

// FetchFiltersReply carries the messages that answer it in Attached. If Next is not
// zero there are more, from that height.
type FetchFiltersReply struct {
	Refused string `cbor:"1,keyasint,omitempty"` // the peer is to go for this reason
	Next    uint32 `cbor:"2,keyasint,omitempty"`
	multipart.Frames
}

// SubmitBlockRequest carries the block in Attached[0].
type SubmitBlockRequest struct {
	Peer      int64   `cbor:"1,keyasint"`
	Requested bool    `cbor:"2,keyasint"` // it was asked for
	Compact   Compact `cbor:"3,keyasint"`
	multipart.Frames
}

// TxSource is a peer as one who has transactions for us.
type TxSource struct {
	Peer      int64 `cbor:"1,keyasint"`
	Preferred bool  `cbor:"2,keyasint"` // we chose it, or it has the noban permission
	Unlimited bool  `cbor:"3,keyasint"` // it has the relay permission
}

// SubmitTxRequest carries the transaction in Attached[0].
type SubmitTxRequest struct {
	From  TxSource `cbor:"1,keyasint"`
	Force bool     `cbor:"2,keyasint"` // forcerelay permission
	multipart.Frames
}

// SubmitTxsRequest carries at most MaxSubmitted transactions in Attached, of
// MaxSubmittedBytes together.
type SubmitTxsRequest struct {
	From  TxSource `cbor:"1,keyasint"`
	Force bool     `cbor:"2,keyasint"` // forcerelay permission
	multipart.Frames
}

// SubmitTxsReply has a reply for each transaction, in order.
type SubmitTxsReply struct {
	Txs []SubmitReply `cbor:"1,keyasint"`
}

// SubmitReply tells what became of a block or a transaction.
type SubmitReply struct {
	Hash        chainhash.Hash `cbor:"1,keyasint"` // block hash or txid
	Wtxid       chainhash.Hash `cbor:"2,keyasint"`
	New         bool           `cbor:"3,keyasint"` // accepted, and not known before
	Reject      string         `cbor:"4,keyasint,omitempty"`
	Misbehaving bool           `cbor:"5,keyasint"`           // the peer deserves to be disconnected
	Orphan      bool           `cbor:"6,keyasint"`           // the peer is to be asked for parents in a moment: see WantTxs
	Mutated     bool           `cbor:"7,keyasint"`           // the block is malleated: another peer may have it right
	Announce    bool           `cbor:"8,keyasint"`           // ask the peer to announce blocks as compact blocks
	Malformed   bool           `cbor:"9,keyasint,omitempty"` // it cannot be read, and Reject tells why
}

// FetchBlockRequest names a block and how to serialise it.
type FetchBlockRequest struct {
	Hash    chainhash.Hash `cbor:"1,keyasint"`
	Witness bool           `cbor:"2,keyasint"`
	// Compact asks for the cmpctblock message instead, if the block is one of the
	// last ones.
	Compact bool `cbor:"3,keyasint"`
	// Limited: the peer was told of the last blocks only (BIP159).
	Limited bool `cbor:"4,keyasint,omitempty"`
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
	// Compact: it is a cmpctblock message.
	Compact bool `cbor:"3,keyasint"`
	// Historical: it is so old that only those want it who catch up.
	Historical bool `cbor:"4,keyasint,omitempty"`
	// AtTip: it is the last block of the best chain or the one before, which peers wait
	// for.
	AtTip bool `cbor:"5,keyasint,omitempty"`
	multipart.Frames
}

// WantTxsRequest tells what a peer has announced since it was asked last, if
// anything; of all lists together at most MaxInventory hashes.
type WantTxsRequest struct {
	From   TxSource         `cbor:"1,keyasint"`
	Txids  []chainhash.Hash `cbor:"2,keyasint,omitempty"`
	Wtxids []chainhash.Hash `cbor:"3,keyasint,omitempty"`
	// NotFound are txids and wtxids that it has not got.
	NotFound []chainhash.Hash `cbor:"4,keyasint,omitempty"`
	// WtxidRelay: the peer announces by wtxid (BIP339). Others then wait for such.
	WtxidRelay bool `cbor:"5,keyasint"`
}

// WantTxsReply holds what to ask this peer for now.
type WantTxsReply struct {
	Txids  []chainhash.Hash `cbor:"1,keyasint,omitempty"`
	Wtxids []chainhash.Hash `cbor:"2,keyasint,omitempty"`
	// Known tells which of the announced are known, Txids before Wtxids: the bit
	// i%8 of byte i/8 is set if the i-th is. What is beyond its end is unknown.
	Known []byte `cbor:"3,keyasint,omitempty"`
	// Wait is after how many milliseconds to come again; 0 if there is nothing to
	// wait for. If it is sooner there will be an event.
	Wait int64 `cbor:"4,keyasint,omitempty"`
}

// TxsAnnouncedEvent lists transactions, at most MaxAnnounced, with their fee
// rates.
type TxsAnnouncedEvent struct {
	Txs []TxAnnouncement `cbor:"1,keyasint"`
	To  Audience         `cbor:"2,keyasint,omitempty"`
}

// Audience is which peers something is announced to.
type Audience int

// Audiences.
const (
	AllPeers Audience = iota
	InboundPeers
	OutboundPeers
)

// Includes reports whether a connection is among the audience.
func (a Audience) Includes(kind ConnectionType) bool {
	return a == AllPeers || (a == InboundPeers) == (kind == Inbound)
}

// TxAnnouncement is one of them.
type TxAnnouncement struct {
	Txid    chainhash.Hash `cbor:"1,keyasint"`
	Wtxid   chainhash.Hash `cbor:"2,keyasint"`
	FeeRate int64          `cbor:"3,keyasint"` // satoshi per 1000 vbytes
	Peer    int64          `cbor:"4,keyasint"` // who sent it; or NoPeer, or FromBlock
	// Sequence is the mempool's when it had entered.
	Sequence uint64 `cbor:"5,keyasint,omitempty"`
	// Waited is for how many milliseconds it waited to be told together with others:
	// peers that came meanwhile are not told.
	Waited uint32 `cbor:"6,keyasint,omitempty"`
}

// Senders of transactions that are not peers. A transaction that returned from
// a block which left the chain was public before: peers may fetch it at once.
const (
	NoPeer    = -1
	FromBlock = -2
)
