package session

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
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

// Reply answers the Request of the same ID. Body is the reply type that the
// request's documentation names, or nil if Err is set.
type Reply struct {
	ID   uint64
	Body any
	Err  error
}

// TipChanged tells the state of the chain, and the headers of blocks that
// joined it, lowest first, 80 bytes each.
type TipChanged struct {
	Tip     Tip
	Headers [][]byte
	// Missed: earlier changes may not have been told.
	Missed bool
}

// TxsAnnounced tells that transactions entered the mempool.
type TxsAnnounced struct{ Txs []TxAnnouncement }

// RelayAddresses asks to pass addresses on to this peer.
type RelayAddresses struct{ Addresses []Address }

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

// Tip is the node's chain as the session needs to know it.
type Tip struct {
	Height  int32
	Hash    chainhash.Hash
	Time    time.Time // of the tip's header
	Initial bool      // in initial block download
	// HeaderHeight is the height of the best header.
	HeaderHeight int32
	// MinFeeRate is what the mempool asks for, in satoshi per 1000 vbytes.
	MinFeeRate int64
	// Lost is how many blocks the node had and needs again.
	Lost int64
	// Partial: old blocks are still missing below the tip.
	Partial bool
}

// TxAnnouncement is one transaction of the mempool.
type TxAnnouncement struct {
	Txid, Wtxid chainhash.Hash
	FeeRate     int64 // satoshi per 1000 vbytes
	Peer        int64 // who sent it to us, -1 for nobody, FromBlock
}

// FromBlock is the sender of a transaction that returned from a block which
// left the chain. It was public before: peers may fetch it at once.
const FromBlock = -2
