package session

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Input is something that happened to the connection.
type Input interface{ input() }

// Opened is the first input: the connection is up.
type Opened struct{}

// Message is one message of the peer. The session owns the payload from now on.
type Message struct {
	Type       string
	Payload    []byte
	ReceivedAt time.Time
}

// Tick lets time pass: at least every 100 ms of real time.
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
// joined it, lowest first, 80 bytes each.
type TipChanged struct {
	Tip     p2p.Tip
	Headers [][]byte
	// Missed: earlier changes may not have been told.
	Missed bool
}

// TxsAnnounced tells that transactions entered the mempool.
type TxsAnnounced struct{ Txs []p2p.TxAnnouncement }

// RelayAddresses asks to pass addresses on to this peer.
type RelayAddresses struct{ Addresses []p2p.NetAddr }

// NodeRestarted tells that the node came back after an end: what it was
// doing for this session is forgotten, and it may lack blocks it had.
type NodeRestarted struct{}

// Blamed tells that a block which the peer sent earlier proved invalid.
type Blamed struct{ Reason string }

// PingNow asks for a ping at once.
type PingNow struct{}

// Kick asks to disconnect. Reason is logged in front of "disconnecting
// peer=N"; if it is empty, nothing is.
type Kick struct{ Reason string }

// SendRaw asks to send a message of any type (the sendmsgtopeer RPC).
type SendRaw struct {
	Type    string
	Payload []byte
}

func (Opened) input()         {}
func (Message) input()        {}
func (Tick) input()           {}
func (Reply) input()          {}
func (TipChanged) input()     {}
func (TxsAnnounced) input()   {}
func (RelayAddresses) input() {}
func (NodeRestarted) input()  {}
func (Blamed) input()         {}
func (PingNow) input()        {}
func (Kick) input()           {}
func (SendRaw) input()        {}
