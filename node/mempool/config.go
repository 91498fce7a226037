package mempool

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// Rate is a fee rate in satoshi per 1000 virtual bytes.
type Rate int64

// Fee returns the fee for a size, rounded up.
func (r Rate) Fee(vsize int64) int64 { return (int64(r)*vsize + 999) / 1000 }

// Coins is the UTXO set.
type Coins interface {
	Get(op wire.OutPoint) (coins.Coin, bool, error)
}

// Config is what a Pool works with. See DefaultConfig.
type Config struct {
	Verifier *script.Verifier

	MaxBytes        int64 // estimated memory
	ExpirySeconds   int64
	MinRelay        Rate
	Incremental     Rate // of replacements, and of the floor after evictions
	Dust            Rate
	DataCarrier     int // bytes of OP_RETURN scripts a transaction may have
	BareMultisig    bool
	RequireStandard bool
	ClusterCount    int
	ClusterVSize    int64
	BytesPerSigOp   int
}

// DefaultConfig returns Bitcoin Core's policy.
func DefaultConfig() Config {
	return Config{
		MaxBytes: 300_000_000, ExpirySeconds: 336 * 60 * 60,
		MinRelay: 100, Incremental: 100, Dust: 3000,
		DataCarrier: 100_000, BareMultisig: true, RequireStandard: true,
		ClusterCount: 64, ClusterVSize: 101_000, BytesPerSigOp: 20,
	}
}

// Tip is what the pool needs to know of the chain and the time.
type Tip struct {
	Hash       chainhash.Hash // tells tips apart
	Coins      Coins          // at the end of this block; used during the call only
	Height     int32
	MedianTime int64
	// MedianTimeAt returns the median time past of the block at a height.
	MedianTimeAt func(height int32) int64
	Flags        txscript.ScriptFlags // of the next block
	Now          int64                // Unix seconds
}

// Reason says why a transaction left the pool.
type Reason string

// The reasons, as Bitcoin Core names them.
const (
	ByBlock     Reason = "block"
	ByConflict  Reason = "conflict" // with a transaction of a block
	ByReplaced  Reason = "replaced"
	ByExpiry    Reason = "expiry"
	BySizeLimit Reason = "sizelimit"
	ByReorg     Reason = "reorg"
)

// Event is Added or Removed.
type Event interface{ event() }

// Added: a transaction entered the pool.
type Added struct {
	Entry    *Entry
	Spent    []coins.Coin // by its inputs, in order
	Sequence uint64
	// Alone tells that it did not come back from a block or in a package, and spends
	// nothing of the pool's: its own fee rate is what it waits with.
	Alone bool
}

// Removed: a transaction left the pool.
type Removed struct {
	Entry    *Entry
	Reason   Reason
	Sequence uint64
	By       *Entry // the replacement
	Unheard  bool   // no peer had asked for it; see AddUnheard
}

// Trimmed: transactions had to leave as there was no room, which raised the fee rate
// that is asked for.
type Trimmed struct {
	Count int
	Rate  Rate
}

func (Added) event()   {}
func (Removed) event() {}
func (Trimmed) event() {}
