package p2p

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

// RegisterWorkerRequest describes a worker.
type RegisterWorkerRequest struct {
	Capacity int        `cbor:"1,keyasint"` // connections it can have, 0 for no limit
	Open     []OpenInfo `cbor:"2,keyasint,omitempty"`
	// NonceKey is the one an earlier manager gave, if any.
	NonceKey []byte `cbor:"3,keyasint,omitempty"`
}

// OpenInfo is an open connection of a worker that registers again.
type OpenInfo struct {
	Peer   int64          `cbor:"1,keyasint"`
	Kind   ConnectionType `cbor:"2,keyasint"`
	Name   string         `cbor:"3,keyasint"` // as dialled, or the remote address
	Remote string         `cbor:"4,keyasint"`
	Local  string         `cbor:"5,keyasint"`
	Opened int64          `cbor:"6,keyasint"` // Unix seconds
	Ready  bool           `cbor:"8,keyasint"`
	// Metered: an earlier manager has limited its traffic.
	Metered bool `cbor:"9,keyasint,omitempty"`
	// Epoch is that of its Meter: those of a later manager are to be above it.
	Epoch uint64 `cbor:"10,keyasint,omitempty"`
	// Own are the connection's own rates.
	Own Rates `cbor:"11,keyasint"`
}

// RegisterWorkerReply holds what all workers share.
type RegisterWorkerReply struct {
	// NonceKey makes the nonces of version messages recognisable to all
	// workers, and to nobody else. 32 bytes.
	NonceKey []byte `cbor:"1,keyasint"`
}

// OpenPeerRequest describes a connection.
type OpenPeerRequest struct {
	Dial   uint64 `cbor:"1,keyasint"` // of the order, 0 for an accepted one
	Remote string `cbor:"2,keyasint"` // host:port; "" if a proxy knows a name only
	Local  string `cbor:"3,keyasint"`
}

// OpenPeerReply gives its number, or says why it must be closed.
type OpenPeerReply struct {
	Refused     string         `cbor:"1,keyasint,omitempty"`
	Peer        int64          `cbor:"2,keyasint"`
	Kind        ConnectionType `cbor:"3,keyasint"`
	Name        string         `cbor:"4,keyasint"`
	Permissions Permissions    `cbor:"6,keyasint,omitempty"`
	Meter       Meter          `cbor:"7,keyasint"`
	// Services are all that the peer may be told of and served, 0 for what the worker
	// was started with.
	Services wire.ServiceFlag `cbor:"8,keyasint,omitempty"`
	// Listening: the peer may be told where to find us. UploadLimited: what is sent to it
	// counts, and there may be an end to it.
	Listening     bool `cbor:"9,keyasint,omitempty"`
	UploadLimited bool `cbor:"10,keyasint,omitempty"`
}

// DialFailedRequest says why. Busy: the worker had no room and did not try. Proxy: it
// could not reach the proxy, and nothing is known of the target.
type DialFailedRequest struct {
	Dial  uint64 `cbor:"1,keyasint"`
	Busy  bool   `cbor:"2,keyasint"`
	Text  string `cbor:"3,keyasint"`
	Proxy bool   `cbor:"4,keyasint"`
}

// ShowDialRequest names a dial of a worker, both hostile until the manager has looked.
type ShowDialRequest struct {
	Worker string `cbor:"1,keyasint"`
	Dial   uint64 `cbor:"2,keyasint"`
}

// IntroducePeerRequest holds the fields of a version message.
type IntroducePeerRequest struct {
	Peer       int64  `cbor:"1,keyasint"`
	Version    int32  `cbor:"2,keyasint"`
	Services   uint64 `cbor:"3,keyasint"`
	UserAgent  string `cbor:"4,keyasint"`
	Relay      bool   `cbor:"5,keyasint"`
	AddrLocal  string `cbor:"6,keyasint,omitempty"`
	TimeOffset int64  `cbor:"7,keyasint"` // seconds
}

// IntroducePeerReply says why the peer is not welcome, if so.
type IntroducePeerReply struct {
	Refused string `cbor:"1,keyasint,omitempty"`
}

// ClosePeerRequest tells how a connection ended, with its final report.
type ClosePeerRequest struct {
	Peer       int64      `cbor:"1,keyasint"`
	Reason     string     `cbor:"2,keyasint,omitempty"`
	Discourage bool       `cbor:"3,keyasint"` // it misbehaved
	Report     PeerReport `cbor:"4,keyasint"`
	// RefusedV2: it was to be encrypted, and the peer hung up without a word.
	RefusedV2 bool             `cbor:"5,keyasint,omitempty"`
	Code      DisconnectReason `cbor:"6,keyasint"`
}

// ReportPeersRequest holds one report a connection.
type ReportPeersRequest struct {
	ID    uint64       `cbor:"1,keyasint"`
	Peers []PeerReport `cbor:"2,keyasint"`
}

// CaptureMessageRequest carries one message, the payload as the frame.
type CaptureMessageRequest struct {
	multipart.Frames
	Peer     int64  `cbor:"1,keyasint"`
	Type     string `cbor:"2,keyasint"`
	Received bool   `cbor:"3,keyasint"` // or sent
	Micros   int64  `cbor:"4,keyasint"` // Unix time
}

// AddAddressesRequest holds at most 1000 addresses; Relay holds those to pass
// on to other peers.
type AddAddressesRequest struct {
	Peer      int64     `cbor:"1,keyasint"`
	Addresses []NetAddr `cbor:"2,keyasint"`
	Relay     []NetAddr `cbor:"3,keyasint,omitempty"`
}

// CountUploadRequest tells of one connection.
type CountUploadRequest struct {
	Peer int64  `cbor:"1,keyasint"`
	Sent uint64 `cbor:"2,keyasint"` // bytes of messages since its beginning
}

// CountUploadReply tells what is over for the day: Historical, old blocks are not to be
// served, so that new ones can be; Reached, nothing that others can have elsewhere.
type CountUploadReply struct {
	Historical bool `cbor:"1,keyasint"`
	Reached    bool `cbor:"2,keyasint"`
}

// SelfAddressRequest names the peer.
type SelfAddressRequest struct {
	Peer int64 `cbor:"1,keyasint"`
}

// SelfAddressReply holds one address, or none if there is nothing to tell. Services and
// Time are for the worker to fill in.
type SelfAddressReply struct {
	Addresses []NetAddr `cbor:"1,keyasint,omitempty"`
}

// RelayTxsRequest names the peer.
type RelayTxsRequest struct {
	Peer int64 `cbor:"1,keyasint"`
}

// RelayTxsReply tells whether the peer has to go: there are as many inbound ones as may
// be told of transactions, and none of them does.
type RelayTxsReply struct {
	Refused bool `cbor:"1,keyasint"`
}

// ProtectPeerRequest names the peer.
type ProtectPeerRequest struct {
	Peer int64 `cbor:"1,keyasint"`
}

// ProtectPeerReply tells whether it is one of the protected.
type ProtectPeerReply struct {
	Protected bool `cbor:"1,keyasint"`
}

// GetAddressesRequest asks for addresses to answer a peer's getaddr with.
type GetAddressesRequest struct {
	Peer int64 `cbor:"1,keyasint"`
}

// AddressesReply is a list of addresses.
type AddressesReply struct {
	Addresses []NetAddr `cbor:"1,keyasint"`
}
