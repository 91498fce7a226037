package follow

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Input is something that has happened.
type Input interface{ isInput() }

// Inputs about the node.
type (
	// NodeUp: a node is there that knows nothing of this wallet.
	NodeUp struct{}
	// EventsLost: the wallet missed events of the node.
	EventsLost struct{}
	// Tip is the node's best block, after everything that was accepted before
	// it was asked.
	Tip struct {
		Hash   chainhash.Hash
		Height int32
	}
	// PoolEvent: a transaction entered or left the mempool.
	PoolEvent struct {
		Seq     uint64 // of the event
		Tx      *wire.MsgTx
		Entered bool
		ByBlock bool // it left for a block
	}
	// Retry: the pause that Wait asked for is over.
	Retry struct{}
)

// Inputs about the request under way. Those of another one, that was given up,
// are ignored.
type (
	// Watched: the node has the scripts.
	Watched struct{ Request uint64 }
	// Scanned is one item of a scan (msg.ScanItem).
	Scanned struct {
		Request   uint64
		Hash      chainhash.Hash
		Height    int32
		Time      int64 // of the header, Unix seconds
		Indexes   []int // of Txs in the block
		Txs       []*wire.MsgTx
		Partial   bool
		TipHeight int32
	}
	// ScanEnded: the scan has come to the tip.
	ScanEnded struct{ Request uint64 }
	// Listed is one item of the list of the mempool.
	Listed struct {
		Request uint64
		Seq     uint64 // the last event that the list takes into account
		Txs     []*wire.MsgTx
	}
	// ListEnded: the list is complete.
	ListEnded struct{ Request uint64 }
	// Sent: the node has taken a payment, or refuses it and says why.
	Sent struct {
		Request uint64
		Refusal string
	}
	// Failed: the request came to nothing.
	Failed struct {
		Request uint64
		Reason  string
		// Forgotten: the node does not know the wallet's scripts any more.
		Forgotten bool
	}
)

// Inputs of the user.
type (
	// Pay is a signed payment that the shell is about to send.
	Pay struct{ Tx *wire.MsgTx }
	// Paid tells how sending it went. Unknown: the node may have it or not.
	Paid struct {
		Hash    chainhash.Hash
		Refused bool
		Unknown bool
	}
	// Abandon gives up a payment that is in no block and not in the mempool.
	Abandon struct{ Hash chainhash.Hash }
	// MoreScripts are to be watched because keys were handed out.
	MoreScripts struct{ Scripts [][]byte }
)

func (NodeUp) isInput()      {}
func (EventsLost) isInput()  {}
func (Tip) isInput()         {}
func (PoolEvent) isInput()   {}
func (Retry) isInput()       {}
func (Watched) isInput()     {}
func (Scanned) isInput()     {}
func (ScanEnded) isInput()   {}
func (Listed) isInput()      {}
func (ListEnded) isInput()   {}
func (Sent) isInput()        {}
func (Failed) isInput()      {}
func (Pay) isInput()         {}
func (Paid) isInput()        {}
func (Abandon) isInput()     {}
func (MoreScripts) isInput() {}
