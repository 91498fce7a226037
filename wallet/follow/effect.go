package follow

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

// Effect is something to be done.
type Effect interface{ isEffect() }

// Requests to the node. There is one at a time; its answer, or Failed, comes
// back with its number.
type (
	// Watch tells the node scripts; answered by Watched.
	Watch struct {
		Request uint64
		Scripts [][]byte
	}
	// Scan asks for the chain after a locator; answered by Scanned, the first of
	// which is the fork, and ScanEnded.
	Scan struct {
		Request uint64
		Locator []chainhash.Hash
	}
	// List asks for the mempool; answered by Listed and ListEnded.
	List struct{ Request uint64 }
	// Send brings a payment to the node; answered by Sent.
	Send struct {
		Request uint64
		Tx      *wire.MsgTx
	}
	// Cancel ends the request under way; its answers are not wanted.
	Cancel struct{ Request uint64 }
)

// Other effects.
type (
	// Wait asks for a Retry after a pause.
	Wait struct{ Reason string }
	// Save writes to disk, all or in the order transactions, position. Txs are
	// copies.
	Save struct {
		Txs      []ledger.Tx
		Forget   []chainhash.Hash
		Position Position
	}
	// Rescanned: a long scan has ended.
	Rescanned struct{ From, To int32 }
	// Refused: the node does not take a payment that was to be sent again.
	Refused struct {
		Hash   chainhash.Hash
		Reason string
	}
)

func (Watch) isEffect()     {}
func (Scan) isEffect()      {}
func (List) isEffect()      {}
func (Send) isEffect()      {}
func (Cancel) isEffect()    {}
func (Wait) isEffect()      {}
func (Save) isEffect()      {}
func (Rescanned) isEffect() {}
func (Refused) isEffect()   {}
