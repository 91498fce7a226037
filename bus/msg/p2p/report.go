package p2p

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
	LastInvSequence uint64            `cbor:"34,keyasint"` // the mempool's when transactions were announced last
	Transport       string            `cbor:"29,keyasint"` // "v1", "v2" or "detecting"
	HighTo          bool              `cbor:"31,keyasint"` // we asked for blocks as compact blocks (BIP152)
	HighFrom        bool              `cbor:"32,keyasint"` // the peer asked us
	Presynced       int32             `cbor:"33,keyasint"` // -1 for none
	SessionID       string            `cbor:"30,keyasint,omitempty"`
	LastNews        int64             `cbor:"36,keyasint"`           // when it last told of a chain better than ours
	Protected       bool              `cbor:"35,keyasint"`           // by ProtectPeer
	LastSent        []string          `cbor:"40,keyasint,omitempty"` // types of messages, the last one first
	LastReceived    []string          `cbor:"41,keyasint,omitempty"`
	SendQueue       int               `cbor:"42,keyasint,omitempty"` // bytes that wait to be sent
	HeldBytes       int               `cbor:"43,keyasint,omitempty"` // received, and waiting to be handled
	FirstBlocks     uint64            `cbor:"44,keyasint,omitempty"` // that no other peer had brought before
	FirstTxs        uint64            `cbor:"45,keyasint,omitempty"`
}
