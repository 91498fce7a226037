package p2p

import "slices"

// DisconnectReason is why a connection ended: one of those below, for programs. People
// are told in more words.
type DisconnectReason string

// By the wish of a user, or by what a user has set.
const (
	EndedByUser           DisconnectReason = "user"             // disconnectnode
	EndedByBan            DisconnectReason = "banned"           // setban
	EndedByInactiveNet    DisconnectReason = "network-inactive" // setnetworkactive
	EndedByConnLimit      DisconnectReason = "connection-limit" // setconnlimit
	EndedByEviction       DisconnectReason = "evicted"          // for another that connected
	EndedByDiscouragement DisconnectReason = "discouraged"      // another one of its address misbehaved
)

// By the peer, or for what it did or did not do.
const (
	EndedByPeer       DisconnectReason = "closed-by-peer"
	EndedByNetwork    DisconnectReason = "network-error" // what we send cannot be sent
	Misbehaved        DisconnectReason = "misbehaved"    // it broke a rule that costs others
	BrokeProtocol     DisconnectReason = "protocol-violation"
	BadFraming        DisconnectReason = "bad-framing"
	ObsoleteVersion   DisconnectReason = "obsolete-version"
	LacksServices     DisconnectReason = "missing-services"
	AsksForUnserved   DisconnectReason = "service-not-offered"
	Unwelcome         DisconnectReason = "unwelcome" // for what it told of itself
	HandshakeTimeout  DisconnectReason = "handshake-timeout"
	SilenceTimeout    DisconnectReason = "inactivity-timeout"
	PingTimeout       DisconnectReason = "ping-timeout"
	BlockTimeout      DisconnectReason = "block-timeout"
	StallsDownload    DisconnectReason = "stalling"
	RefusedEncryption DisconnectReason = "v2-refused"
	HeadersTimeout    DisconnectReason = "headers-timeout"
	StaysBehind       DisconnectReason = "old-chain" // its chain has less work than ours
)

// As it was meant to be, or for the sake of this node.
const (
	ToSelf          DisconnectReason = "self"
	FeelerDone      DisconnectReason = "feeler-done"
	AddrFetchDone   DisconnectReason = "address-fetch-done"
	AddrFetchTimed  DisconnectReason = "address-fetch-timeout"
	PrivateDone     DisconnectReason = "private-broadcast-done" // its transaction was sent, or there was none left
	PrivateTimeout  DisconnectReason = "private-broadcast-timeout"
	SendQueueFull   DisconnectReason = "send-queue-full"
	UploadSpent     DisconnectReason = "upload-target" // all that may be sent in a day was
	OneTooMany      DisconnectReason = "extra"         // an outbound one beyond the usual number
	WorkerFailed    DisconnectReason = "worker-error"  // its process could not serve it
	WorkerLeaves    DisconnectReason = "worker-leaves" // setworkers: another process connects in its place
	WorkerGone      DisconnectReason = "worker-gone"   // its process has ended
	ToldBefore      DisconnectReason = "told-before"   // told to leave by an earlier order
	ReasonUntold    DisconnectReason = "unknown"       // its worker gave none that there is
	EndedByShutdown DisconnectReason = "shutdown"
)

// DisconnectReasons lists them all.
func DisconnectReasons() []DisconnectReason {
	return []DisconnectReason{
		EndedByUser, EndedByBan, EndedByInactiveNet, EndedByConnLimit, EndedByEviction, EndedByDiscouragement,
		EndedByPeer, EndedByNetwork, Misbehaved, BrokeProtocol, BadFraming, ObsoleteVersion, LacksServices, AsksForUnserved,
		Unwelcome, HandshakeTimeout, SilenceTimeout, PingTimeout, BlockTimeout, StallsDownload, RefusedEncryption, HeadersTimeout, StaysBehind,
		ToSelf, FeelerDone, AddrFetchDone, AddrFetchTimed, PrivateDone, PrivateTimeout, SendQueueFull, UploadSpent, OneTooMany, WorkerFailed, WorkerLeaves, WorkerGone, ToldBefore, ReasonUntold, EndedByShutdown,
	}
}

// OrUntold is the reason if there is such a one: workers may tell anything.
func (r DisconnectReason) OrUntold() DisconnectReason {
	if slices.Contains(DisconnectReasons(), r) {
		return r
	}
	return ReasonUntold
}

// PeerClosedEvent tells of the end of a connection.
type PeerClosedEvent struct {
	Peer     int64            `cbor:"1,keyasint"`
	Kind     ConnectionType   `cbor:"2,keyasint"`
	Address  string           `cbor:"3,keyasint"` // or the name by which a proxy knows it
	Opened   int64            `cbor:"4,keyasint"` // Unix seconds
	Closed   int64            `cbor:"5,keyasint"`
	Reason   DisconnectReason `cbor:"6,keyasint"`
	Sent     uint64           `cbor:"7,keyasint"` // bytes
	Received uint64           `cbor:"8,keyasint"`
}
