package msg

import (
	"github.com/bulkheadnode/bulkhead/bus"
)

// What workers ask and tell the manager of connections. The manager never
// calls a worker: its orders are fetched by long poll.
var (
	// RegisterWorker announces the calling instance, with the connections it
	// has already if the manager was restarted.
	RegisterWorker = bus.Method[RegisterWorkerRequest, RegisterWorkerReply]("peers.worker.register")
	// NextOrders returns what the calling instance has to do, in order; it
	// waits up to PollSeconds for something. Orders are repeated until a
	// request acknowledges them. Error kind KindUnknownWorker: register again.
	NextOrders = bus.Method[NextOrdersRequest, NextOrdersReply]("peers.worker.orders")
	// OpenPeer asks whether a connection that was accepted or dialled may
	// live, and numbers it.
	OpenPeer = bus.Method[OpenPeerRequest, OpenPeerReply]("peers.open")
	// DialFailed reports the end of a dial that opened nothing.
	DialFailed = bus.Method[DialFailedRequest, bus.None]("peers.dialfailed")
	// IntroducePeer tells what a peer said in its version message.
	IntroducePeer = bus.Method[IntroducePeerRequest, IntroducePeerReply]("peers.introduce")
	// ClosePeer reports the end of a connection.
	ClosePeer = bus.Method[ClosePeerRequest, bus.None]("peers.close")
	// ReportPeers answers an order for a report.
	ReportPeers = bus.Method[ReportPeersRequest, bus.None]("peers.report")
	// AddAddresses hands over addresses that a peer gossiped.
	AddAddresses = bus.Method[AddAddressesRequest, bus.None]("peers.addresses.add")
	// GetAddresses returns addresses to answer a peer's getaddr with.
	GetAddresses = bus.Method[PeerRequest, AddressesReply]("peers.addresses.get")
)

// PollSeconds is how long NextOrders waits at most.
const PollSeconds = 25

// KindUnknownWorker is the error of a call from a worker that the manager does
// not know: it was restarted since.
const KindUnknownWorker bus.Kind = "peers.unknown-worker"

// RegisterWorkerRequest describes a worker.
type RegisterWorkerRequest struct {
	Capacity int        `cbor:"1,keyasint"` // connections it can have, 0 for no limit
	Open     []OpenInfo `cbor:"2,keyasint,omitempty"`
	// NonceKey is the one an earlier manager gave, if any.
	NonceKey []byte `cbor:"3,keyasint,omitempty"`
}

// OpenInfo is an open connection of a worker that registers again.
type OpenInfo struct {
	Peer   int64  `cbor:"1,keyasint"`
	Kind   string `cbor:"2,keyasint"` // Bitcoin Core's connection type
	Name   string `cbor:"3,keyasint"` // as dialled, or the remote address
	Remote string `cbor:"4,keyasint"`
	Local  string `cbor:"5,keyasint"`
	Opened int64  `cbor:"6,keyasint"` // Unix seconds
	NoBan  bool   `cbor:"7,keyasint"`
	Ready  bool   `cbor:"8,keyasint"`
}

// RegisterWorkerReply holds what all workers share.
type RegisterWorkerReply struct {
	// NonceKey makes the nonces of version messages recognisable to all
	// workers, and to nobody else. 32 bytes.
	NonceKey []byte `cbor:"1,keyasint"`
}

// NextOrdersRequest acknowledges the orders up to Ack.
type NextOrdersRequest struct {
	Ack uint64 `cbor:"1,keyasint"`
}

// NextOrdersReply holds orders with rising numbers; none if nothing happened
// in time.
type NextOrdersReply struct {
	Orders []WorkerOrder `cbor:"1,keyasint"`
}

// WorkerOrder is one order. Exactly one of the pointers is set.
type WorkerOrder struct {
	Seq        uint64           `cbor:"1,keyasint"`
	Dial       *DialOrder       `cbor:"2,keyasint,omitempty"`
	Disconnect *DisconnectOrder `cbor:"3,keyasint,omitempty"`
	Report     *ReportOrder     `cbor:"4,keyasint,omitempty"`
	Relay      *RelayOrder      `cbor:"5,keyasint,omitempty"`
	Send       *SendOrder       `cbor:"6,keyasint,omitempty"`
	Ping       *PingOrder       `cbor:"7,keyasint,omitempty"`
	Leave      *LeaveOrder      `cbor:"8,keyasint,omitempty"`
}

// DialOrder asks for a connection.
type DialOrder struct {
	ID     uint64 `cbor:"1,keyasint"`
	Target string `cbor:"2,keyasint"` // host, host:port or address
	Kind   string `cbor:"3,keyasint"`
}

// DisconnectOrder asks for the end of one. Reason is logged.
type DisconnectOrder struct {
	Peer   int64  `cbor:"1,keyasint"`
	Reason string `cbor:"2,keyasint"`
}

// ReportOrder asks for a ReportPeers call with the same ID.
type ReportOrder struct {
	ID uint64 `cbor:"1,keyasint"`
}

// RelayOrder asks to pass addresses on to a peer.
type RelayOrder struct {
	Peer      int64     `cbor:"1,keyasint"`
	Addresses []NetAddr `cbor:"2,keyasint"`
}

// SendOrder asks to send a message of any type to a peer.
type SendOrder struct {
	Peer    int64  `cbor:"1,keyasint"`
	Type    string `cbor:"2,keyasint"`
	Payload []byte `cbor:"3,keyasint"`
}

// PingOrder asks to ping all peers.
type PingOrder struct{}

// LeaveOrder asks an idle worker to end: there are too many.
type LeaveOrder struct{}

// OpenPeerRequest describes a connection.
type OpenPeerRequest struct {
	Dial   uint64 `cbor:"1,keyasint"` // of the order, 0 for an accepted one
	Remote string `cbor:"2,keyasint"` // host:port
	Local  string `cbor:"3,keyasint"`
}

// OpenPeerReply gives its number, or says why it must be closed.
type OpenPeerReply struct {
	Refused     string   `cbor:"1,keyasint,omitempty"`
	Peer        int64    `cbor:"2,keyasint"`
	Kind        string   `cbor:"3,keyasint"`
	Name        string   `cbor:"4,keyasint"`
	Permissions []string `cbor:"5,keyasint,omitempty"` // Bitcoin Core's names
}

// DialFailedRequest says why. Busy: the worker had no room and did not try.
type DialFailedRequest struct {
	Dial uint64 `cbor:"1,keyasint"`
	Busy bool   `cbor:"2,keyasint"`
	Text string `cbor:"3,keyasint"`
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
}

// ReportPeersRequest holds one report a connection.
type ReportPeersRequest struct {
	ID    uint64       `cbor:"1,keyasint"`
	Peers []PeerReport `cbor:"2,keyasint"`
}

// PeerReport is the state of one connection. Times are Unix seconds, 0 for
// never; durations are microseconds, 0 for unknown.
type PeerReport struct {
	Peer            int64             `cbor:"1,keyasint"`
	LastSend        int64             `cbor:"2,keyasint"`
	LastReceive     int64             `cbor:"3,keyasint"`
	LastTransaction int64             `cbor:"4,keyasint"`
	LastBlock       int64             `cbor:"5,keyasint"`
	BytesSent       uint64            `cbor:"6,keyasint"`
	BytesReceived   uint64            `cbor:"7,keyasint"`
	SentPerType     map[string]uint64 `cbor:"8,keyasint"`
	ReceivedPerType map[string]uint64 `cbor:"9,keyasint"`
	Ping            int64             `cbor:"10,keyasint"`
	MinPing         int64             `cbor:"11,keyasint"`
	PingWait        int64             `cbor:"12,keyasint"`
	Pinged          bool              `cbor:"13,keyasint"` // a ping was answered
	Version         int32             `cbor:"14,keyasint"`
	Services        uint64            `cbor:"15,keyasint"`
	UserAgent       string            `cbor:"16,keyasint"`
	AddrLocal       string            `cbor:"17,keyasint,omitempty"`
	TimeOffset      int64             `cbor:"18,keyasint"`
	RelaysTxs       bool              `cbor:"19,keyasint"`
	Ready           bool              `cbor:"20,keyasint"`
	SyncedHeaders   int32             `cbor:"21,keyasint"` // -1 for unknown
	SyncedBlocks    int32             `cbor:"22,keyasint"`
	InFlight        []int32           `cbor:"23,keyasint,omitempty"` // heights
	FeeFilter       int64             `cbor:"24,keyasint"`           // satoshi per 1000 vbytes
	AddrRelay       bool              `cbor:"25,keyasint"`
	AddrProcessed   uint64            `cbor:"26,keyasint"`
	AddrLimited     uint64            `cbor:"27,keyasint"`
	InvToSend       int               `cbor:"28,keyasint"`
	Transport       string            `cbor:"29,keyasint"` // "v1", "v2" or "detecting"
	SessionID       string            `cbor:"30,keyasint,omitempty"`
}

// NetAddr is a gossiped address.
type NetAddr struct {
	Time     int64  `cbor:"1,keyasint"` // Unix seconds
	Services uint64 `cbor:"2,keyasint"`
	Network  uint8  `cbor:"3,keyasint"` // BIP155
	Host     []byte `cbor:"4,keyasint"` // raw address
	Port     uint16 `cbor:"5,keyasint"`
}

// AddAddressesRequest holds at most 1000 addresses; Relay holds those to pass
// on to other peers.
type AddAddressesRequest struct {
	Peer      int64     `cbor:"1,keyasint"`
	Addresses []NetAddr `cbor:"2,keyasint"`
	Relay     []NetAddr `cbor:"3,keyasint,omitempty"`
}

// AddressesReply is a list of addresses.
type AddressesReply struct {
	Addresses []NetAddr `cbor:"1,keyasint"`
}
