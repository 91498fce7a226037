package session

import (
	"net/netip"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/wire/v2"
)

// Protocol facts.
const (
	// ProtocolVersion is the version we speak: 70017 negotiates features (BIP434).
	ProtocolVersion = 70017
	// MinPeerVersion is the oldest version we talk to.
	MinPeerVersion = 31800

	sendHeadersVersion  = 70012 // BIP130
	compactBlockVersion = 70014 // BIP152
	feeFilterVersion    = 70013 // BIP133
	wtxidRelayVersion   = 70016 // BIP339
	featureVersion      = 70017 // BIP434
	pongVersion         = 60000 // BIP31: pong exists above this version
)

// Config describes one connection. It is not changed after New.
type Config struct {
	Peer        int64
	Type        p2p.ConnectionType
	Address     string // remote host:port, for the log
	Local       bool   // the remote address is of this machine
	Permissions p2p.Permissions
	Services    wire.ServiceFlag
	UserAgent   string // whole, e.g. "/Bulkhead:0.1.0/"
	// Remote is the peer's address for our version message, if it is routable.
	Remote netip.AddrPort
	// RemoteServices are those we expect of an outbound peer, or 0.
	RemoteServices wire.ServiceFlag
	// UploadLimited: what is sent counts, and there may be an end to it.
	UploadLimited bool
	// Listening: the peer may be told where we can be found.
	Listening bool
	// BlocksOnly: transactions are not wanted from peers without permission.
	BlocksOnly bool
	// Reconciles: sketches of transactions are agreed on (BIP330).
	Reconciles bool
	// LogIPs adds the peer's address to log lines.
	LogIPs bool
	// Nonce is ours for the version message; IsOwnNonce recognises the nonces
	// of our own connections, over all workers.
	Nonce      uint64
	IsOwnNonce func(uint64) bool
	// Random returns 64 uniform bits that no peer can foretell.
	Random func() uint64
	// PeerTimeout is how long the handshake may take, and how long a
	// connection lives before inactivity counts (-peertimeout).
	PeerTimeout time.Duration
	// Tip is the node's chain when the connection was made.
	Tip p2p.Tip
	// Transport tells how the connection is framed by now, by Bitcoin Core's names,
	// for the log; nil for "v1".
	Transport func() string
	// HeldUp tells whether we have read less of late than the peer sent, because rates
	// are limited; nil for never.
	HeldUp func() bool
	// Steady is the real time, for waits between us and our own node: the clock that
	// Step is told may be mocked and stand still. Nil if that one never does.
	Steady func() time.Time
	// LogEnabled says whether lines of a category are wanted; nil for all.
	LogEnabled func(category string) bool
	// MinRelayFeeRate is the least fee rate we relay, in satoshi per 1000 vbytes.
	MinRelayFeeRate int64
}

// Limits of what one peer may make a session hold.
const (
	MaxHeldBytes    = 5_000_000
	MaxHeldMessages = 1000
	// MaxSubmissions is the number of blocks that may be with the node at once.
	MaxSubmissions = 16
	// MinBlocksInFlight is the download window for full-sized blocks, and
	// MaxBlocksInFlight for tiny ones.
	MinBlocksInFlight = 16
	MaxBlocksInFlight = 1024
	// orderedLease is how many of them are kept for a lease that must not wait for the
	// one before it.
	orderedLease = 16
	// bytesInFlight is the amount of block data a window aims at.
	bytesInFlight = 4 << 20

	maxHeaders         = wire.MaxBlockHeadersPerMsg
	maxInventory       = wire.MaxInvPerMsg
	maxLocator         = 101
	maxAddresses       = wire.MaxAddrPerMsg
	maxUserAgent       = 256
	maxFeatureID       = 80
	maxFeatureData     = 512
	maxTxAnnouncements = 5000
	maxKnownInventory  = 50_000
	MaxPendingTxs      = 300_000
	maxRecentHeaders   = 4096
)

// Intervals, as Bitcoin Core's.
const (
	pingInterval         = 2 * time.Minute
	inactivityTimeout    = 20 * time.Minute
	headersResponseTime  = 2 * time.Minute
	inboundTrickle       = 5 * time.Second
	outboundTrickle      = 2 * time.Second
	maxTxWait            = time.Hour
	addressTrickle       = 30 * time.Second
	feeFilterInterval    = 10 * time.Minute
	feeFilterChangeDelay = 5 * time.Minute
	leaseRetry           = 100 * time.Millisecond
	nodeRetry            = 2 * time.Second
	headersRetry         = time.Minute
	announcedRetry       = time.Second
	compactPatience      = time.Minute
)
