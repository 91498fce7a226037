package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

const chainTime = 1_300_000_000

// newIndexedNode returns a node with a chain and all indexes, which nobody
// moves.
func newIndexedNode(t *testing.T, tip *chaintest.Spot) *node {
	p := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	cfg := DefaultConfig("regtest")
	cfg.Dir = t.TempDir()
	cfg.TxIndex, cfg.FilterIndex, cfg.CoinStatsIndex, cfg.SpenderIndex = true, true, true, true
	n := &node{
		env: part.Env{Clock: clock.New(chainTime)}, cfg: cfg, params: p, log: slog.New(slog.NewTextHandler(io.Discard, nil)), tips: newTipWatch(),
		owner: make(chan struct{}, 1), doom: make(chan error, 1), pool: mempool.New(mempool.DefaultConfig()), placed: make(chan struct{}),
	}
	close(n.placed)
	var err error
	n.engine, err = chain.Open(disk.Config(p), chainTime)
	require.NoError(t, err)
	extend(t, n, tip)
	require.NoError(t, n.openIndexes())
	n.loaded.Store(true)
	t.Cleanup(func() { require.NoError(t, n.indexes.close()) })
	return n
}

func extend(t *testing.T, n *node, tip *chaintest.Spot) {
	t.Helper()
	for _, s := range tip.Path() {
		_, _, err := n.engine.AcceptBlock(s.Block, true, chainTime)
		require.NoError(t, err)
	}
	require.NoError(t, n.engine.Activate(chainTime))
	n.tips.set(n.engine.View().Height())
}

func (n *node) ask(t *testing.T, ctx context.Context, method, params string) error {
	t.Helper()
	for _, command := range n.table() {
		if command.Name == method {
			call, err := rpc.NewCall(&command, params)
			require.NoError(t, err)
			_, err = command.Run(ctx, call)
			return err
		}
	}
	require.Fail(t, "no such command: "+method)
	return nil
}

func TestQueriesBeforeIndexesAreSynced(t *testing.T) {
	tip := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(maxAwaited, 0)
	n := newIndexedNode(t, tip)
	queries := map[string]struct{ params, fault string }{
		"getblockfilter":       {`["` + tip.Hash.String() + `"]`, "Filter not found. Block filters are still in the process of being indexed."},
		"getrawtransaction":    {`["` + tip.Txs[0].ID.String() + `"]`, "No such mempool transaction. Blockchain transactions are still in the process of being indexed. Use gettransaction for wallet transactions."},
		"gettxoutsetinfo":      {`["muhash", 2]`, "Unable to get data because coinstatsindex is still syncing. Current height: 0"},
		"gettxspendingprevout": {`[[{"txid":"` + tip.Txs[0].ID.String() + `","vout":0}]]`, "Mempool lacks a relevant spend, and txospenderindex is unavailable."},
	}
	for method, query := range queries {
		require.EqualError(t, n.ask(t, t.Context(), method, query.params), query.fault)
	}
	require.NoError(t, n.ask(t, t.Context(), "syncwithvalidationinterfacequeue", `[]`))
	for _, x := range n.indexes.running {
		require.NoError(t, n.catchUp(t.Context(), x))
	}
	for method, query := range queries {
		require.NoError(t, n.ask(t, t.Context(), method, query.params))
	}
}

// A query about the tip waits for an index that is just behind, or for its own
// end.
func TestQueriesWaitForIndexes(t *testing.T) {
	genesis := chaintest.Genesis(t, chaintest.Regtest(t))
	tip := genesis.Extend(3, 0)
	n := newIndexedNode(t, tip)
	for _, x := range n.indexes.running {
		require.NoError(t, n.catchUp(t.Context(), x))
	}
	next := tip.Extend(2, 1)
	extend(t, n, next)
	ended, end := context.WithCancelCause(t.Context())
	errEnd := errors.New("the caller is gone")
	end(errEnd)
	query := `["` + next.Hash.String() + `"]`
	require.ErrorIs(t, n.ask(t, ended, "getblockfilter", query), errEnd)

	answered := make(chan error, 1)
	go func() { answered <- n.ask(t, t.Context(), "getblockfilter", query) }()
	ctx, stop := context.WithCancelCause(t.Context())
	followed := make(chan error, 1)
	go func() { followed <- n.followChain(ctx) }()
	require.NoError(t, <-answered)
	extend(t, n, next.Extend(2, 2))
	require.NoError(t, n.ask(t, t.Context(), "syncwithvalidationinterfacequeue", `[]`))
	for _, x := range n.indexes.running {
		require.Equal(t, next.Height+2, x.Height())
	}
	stop(errEnd)
	require.ErrorIs(t, <-followed, errEnd)
}

// Blocks that an index still needs, or may need again, are not deleted.
func TestIndexesHoldBackPruning(t *testing.T) {
	n := newIndexedNode(t, chaintest.Genesis(t, chaintest.Regtest(t)).Extend(30, 0))
	require.Equal(t, int32(-12), n.pruneLock())
	for i, x := range n.indexes.running {
		require.Equal(t, int32(-12), n.pruneLock(), "index %d is at the beginning", i)
		require.NoError(t, n.catchUp(t.Context(), x))
	}
	require.Equal(t, int32(30-11), n.pruneLock())
	n.indexes.running = nil
	require.Equal(t, int32(30), n.pruneLock())
}

func TestPruningWithIndexesOfAllBlocks(t *testing.T) {
	for _, c := range []struct {
		set   func(*Config)
		fault string
	}{
		{func(c *Config) { c.TxIndex = true }, "Prune mode is incompatible with -txindex."},
		{func(c *Config) { c.SpenderIndex = true }, "Prune mode is incompatible with -txospenderindex."},
	} {
		cfg := DefaultConfig("regtest")
		cfg.PruneMiB = 1
		c.set(&cfg)
		require.EqualError(t, cfg.Validate(), c.fault)
	}
}
