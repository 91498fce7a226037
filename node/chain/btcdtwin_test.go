package chain_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/database"
	_ "github.com/btcsuite/btcd/database/ffldb"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// btcdTwin is btcd's block chain on regtest, in whose parameters every soft
// fork is in force from the first block, as in ours.
type btcdTwin struct {
	t     testing.TB
	chain *blockchain.BlockChain
	tell  func(format string, args ...any)
}

func newBtcdTwin(t testing.TB, now int64, tell func(string, ...any)) *btcdTwin {
	db, err := database.Create("ffldb", filepath.Join(t.TempDir(), "btcd"), wire.TestNet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	params := chaincfg.RegressionNetParams
	chain, err := blockchain.New(&blockchain.Config{
		DB: db, ChainParams: &params, TimeSource: stoppedClock(now), UtxoCacheMaxSize: 64 << 20,
		SigCache: txscript.NewSigCache(1000),
	})
	require.NoError(t, err)
	return &btcdTwin{t: t, chain: chain, tell: tell}
}

// stoppedClock is a time source, in Unix seconds, that peers cannot move.
type stoppedClock int64

func (c stoppedClock) AdjustedTime() time.Time       { return time.Unix(int64(c), 0) }
func (stoppedClock) AddTimeSample(string, time.Time) {}
func (stoppedClock) Offset() time.Duration           { return 0 }

func (b *btcdTwin) knows(hash chainhash.Hash) bool {
	known, err := b.chain.HaveBlock(&hash)
	require.NoError(b.t, err)
	return known
}

func (b *btcdTwin) give(block *consensus.Block) {
	parsed, err := btcutil.NewBlockFromBytes(block.Raw)
	require.NoError(b.t, err)
	best, orphan, err := b.chain.ProcessBlock(parsed, blockchain.BFNone)
	b.tell("  btcd: %s is best: %v, error: %v", short(block.Hash), best, err)
	if err != nil {
		require.ErrorAs(b.t, err, &blockchain.RuleError{})
	}
	require.False(b.t, orphan)
}

func (b *btcdTwin) tip() chainhash.Hash { return b.chain.BestSnapshot().Hash }

func (b *btcdTwin) coin(op wire.OutPoint) (coins.Coin, bool) {
	entry, err := b.chain.FetchUtxoEntry(op)
	require.NoError(b.t, err)
	if entry == nil || entry.IsSpent() {
		return coins.Coin{}, false
	}
	return coins.Coin{
		Value: entry.Amount(), Script: entry.PkScript(), Height: entry.BlockHeight(), Coinbase: entry.IsCoinBase(),
	}, true
}
