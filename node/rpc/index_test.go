package rpc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/indexer"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
	"github.com/bulkheadnode/bulkhead/node/store"
	"github.com/bulkheadnode/bulkhead/node/tipwatch"
)

const chainTime = 1_300_000_000

// indexedChain is a chain with all indexes, which nothing moves.
type indexedChain struct {
	t       *testing.T
	owner   *chainstate.Owner
	tips    *tipwatch.Watch
	indexes *indexer.Indexer
	table   rpc.Table
}

func newIndexedChain(t *testing.T, tip *chaintest.Spot) *indexedChain {
	p := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	policy := mempool.DefaultConfig()
	policy.RequireStandard = false
	owner, err := chainstate.Open(chainstate.Config{
		Chain: disk.Config(p), Mempool: policy, Now: func() int64 { return chainTime }, Observe: func(chainstate.Event) {}, Log: log,
	})
	require.NoError(t, err)
	ready := make(chan struct{})
	close(ready)
	c := &indexedChain{t: t, owner: owner, tips: tipwatch.New()}
	c.extend(tip)
	c.indexes, err = indexer.Open(indexer.Config{
		Dir: t.TempDir(), Transactions: true, Spenders: true, Filters: true, CoinStats: true,
		Chain: owner.Chain(), Params: p, Tips: c.tips, Ready: ready, Log: log,
		OpenStore: func(dir string, cache int64) (*store.DB, error) {
			return store.Open(store.Config{Dir: dir, Cache: cache, Logger: log})
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.indexes.Close()) })
	engine := owner.Chain()
	c.table = noderpc.Table(&noderpc.Node{
		Params: p, Tree: engine, Blocks: engine, Coins: owner, Owner: owner, Mempool: owner.Pool(),
		Indexes: c.indexes, Tips: c.tips, Loaded: func() bool { return true }, Log: log,
	})
	return c
}

// extend connects the blocks up to tip.
func (c *indexedChain) extend(tip *chaintest.Spot) {
	c.t.Helper()
	err := c.owner.Do(c.t.Context(), func(s *chainstate.State) error {
		for _, spot := range tip.Path() {
			if _, _, err := s.Chain.AcceptBlock(spot.Block, true, chainTime); err != nil {
				return err
			}
		}
		return s.Activate()
	})
	require.NoError(c.t, err)
	c.tips.Set(tip.Height)
}

// catchUp moves all indexes to the tip.
func (c *indexedChain) catchUp() {
	c.t.Helper()
	for _, x := range c.indexes.All() {
		for moved := true; moved; {
			var err error
			moved, err = x.Step()
			require.NoError(c.t, err)
		}
	}
}

func (c *indexedChain) ask(ctx context.Context, method, params string) error {
	c.t.Helper()
	for _, command := range c.table {
		if command.Name == method {
			call, err := rpc.NewCall(&command, params)
			require.NoError(c.t, err)
			result, err := command.Run(ctx, call)
			if err == nil {
				require.NoError(c.t, command.CheckResult(result))
			}
			return err
		}
	}
	require.Fail(c.t, "no such command: "+method)
	return nil
}

func TestQueriesBeforeIndexesAreSynced(t *testing.T) {
	tip := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(1000, 0)
	c := newIndexedChain(t, tip)
	queries := map[string]struct{ params, fault string }{
		"getblockfilter":       {`["` + tip.Hash.String() + `"]`, "Filter not found. Block filters are still in the process of being indexed."},
		"getrawtransaction":    {`["` + tip.Txs[0].ID.String() + `"]`, "No such mempool transaction. Blockchain transactions are still in the process of being indexed. Use gettransaction for wallet transactions."},
		"gettxoutsetinfo":      {`["muhash", 2]`, "Unable to get data because coinstatsindex is still syncing. Current height: 0"},
		"gettxspendingprevout": {`[[{"txid":"` + tip.Txs[0].ID.String() + `","vout":0}]]`, "Mempool lacks a relevant spend, and txospenderindex is unavailable."},
	}
	for method, query := range queries {
		require.EqualError(t, c.ask(t.Context(), method, query.params), query.fault)
	}
	require.NoError(t, c.ask(t.Context(), "syncwithvalidationinterfacequeue", `[]`))
	c.catchUp()
	for method, query := range queries {
		require.NoError(t, c.ask(t.Context(), method, query.params))
	}
}

// A query about the tip waits for an index that is just behind, or for its own
// end.
func TestQueriesWaitForIndexes(t *testing.T) {
	genesis := chaintest.Genesis(t, chaintest.Regtest(t))
	tip := genesis.Extend(3, 0)
	c := newIndexedChain(t, tip)
	c.catchUp()
	next := tip.Extend(2, 1)
	c.extend(next)
	ended, end := context.WithCancelCause(t.Context())
	errEnd := errors.New("the caller is gone")
	end(errEnd)
	query := `["` + next.Hash.String() + `"]`
	require.ErrorIs(t, c.ask(ended, "getblockfilter", query), errEnd)

	answered := make(chan error, 1)
	go func() { answered <- c.ask(t.Context(), "getblockfilter", query) }()
	ctx, stop := context.WithCancelCause(t.Context())
	followed := make(chan error, 1)
	go func() { followed <- c.indexes.Run(ctx) }()
	require.NoError(t, <-answered)
	c.extend(next.Extend(2, 2))
	require.NoError(t, c.ask(t.Context(), "syncwithvalidationinterfacequeue", `[]`))
	for _, x := range c.indexes.All() {
		require.Equal(t, next.Height+2, x.Height())
	}
	stop(errEnd)
	require.ErrorIs(t, <-followed, errEnd)
}

// Blocks that an index still needs, or may need again, are not deleted.
func TestIndexesHoldBackPruning(t *testing.T) {
	c := newIndexedChain(t, chaintest.Genesis(t, chaintest.Regtest(t)).Extend(30, 0))
	require.Equal(t, int32(-12), c.indexes.PruneLock(30))
	for i, x := range c.indexes.All() {
		require.Equal(t, int32(-12), c.indexes.PruneLock(30), "index %d is at the beginning", i)
		for moved := true; moved; {
			var err error
			moved, err = x.Step()
			require.NoError(t, err)
		}
	}
	require.Equal(t, int32(30-11), c.indexes.PruneLock(30))
	require.NoError(t, c.indexes.Close())
	require.Equal(t, int32(30), c.indexes.PruneLock(30))
}
