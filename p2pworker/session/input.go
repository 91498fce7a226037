package session

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Input is something that happened to the connection: one of the types below,
// or an event of the node as it comes over the bus, a p2p.TxsAnnouncedEvent or,
// for the peer of this session, a p2p.PeerEvent.
type Input any

// Opened is the first input: the connection is up.
type Opened struct{}

// Message is one message of the peer. The session owns the payload from now on.
type Message struct {
	Type       string
	Payload    []byte
	ReceivedAt time.Time
}

// Tick lets time pass: it is to come when Due says so, and may come at any time.
type Tick struct {
	// LastSend and LastReceive say when bytes last moved; zero for never.
	LastSend, LastReceive time.Time
}

// Reply answers the Request of the same ID. Body is the reply type of the
// request, or nil if Err is set.
type Reply struct {
	ID   uint64
	Body any
	Err  error
}

// TipChanged tells the state of the chain, and the headers of blocks that
// joined it, lowest first, 80 bytes each; none of them if earlier changes may not
// have been told.
type TipChanged struct {
	Tip     p2p.Tip
	Headers [][]byte
}

// BlockSeen tells the header, 80 bytes, of a block that comes next after the tip and
// whose scripts are not verified yet.
type BlockSeen struct{ Header []byte }

// RelayAddresses asks to pass addresses on to this peer.
type RelayAddresses struct{ Addresses []p2p.NetAddr }

// NodeRestarted tells that the node came back after an end: what it was
// doing for this session is forgotten, and it may lack blocks it had.
type NodeRestarted struct{}

// PingNow asks for a ping at once.
type PingNow struct{}

// Kick asks to disconnect. Reason is logged in front of "disconnecting
// peer=N"; if it is empty, nothing is.
type Kick struct {
	Code   p2p.DisconnectReason
	Reason string
}

// SendRaw asks to send a message of any type (the sendmsgtopeer RPC).
type SendRaw struct {
	Type    string
	Payload []byte
}
