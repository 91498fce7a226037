package indexer_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/indexer"
	"github.com/bulkheadnode/bulkhead/node/store"
	"github.com/bulkheadnode/bulkhead/node/tipwatch"
)

const now = 1_300_000_000 + 10_000_000

// rig is a chain, whose block files are small, and a folder for its indexes.
type rig struct {
	t      *testing.T
	p      *consensus.Params
	engine *chain.Engine
	tips   *tipwatch.Watch
	ready  chan struct{}
	dir    string
	stores map[string]*store.DB // by folder, as they were opened last
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, p: chaintest.Regtest(t), tips: tipwatch.New(), ready: make(chan struct{}), dir: t.TempDir(), stores: map[string]*store.DB{}}
	r.p.PruneAfterHeight = 10
	disk := chaintest.OpenDisk(t, t.TempDir(), r.p)
	t.Cleanup(func() { disk.Close(t) })
	blocks, err := blockfile.Open(blockfile.Config{Dir: filepath.Join(t.TempDir(), "small"), Magic: uint32(r.p.Net), MaxFile: 4 << 10})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, blocks.Close()) })
	cfg := disk.Config(r.p)
	cfg.Blocks, cfg.Pruning = blocks, true
	r.engine, err = chain.Open(cfg, now)
	require.NoError(t, err)
	return r
}

func (r *rig) genesis() *chaintest.Spot { return chaintest.Genesis(r.t, r.p) }

// give brings blocks, and tells that the chain has moved.
func (r *rig) give(spots []*chaintest.Spot) {
	r.t.Helper()
	for _, s := range spots {
		_, _, err := r.engine.AcceptBlock(s.Block, true, now)
		require.NoError(r.t, err)
		require.NoError(r.t, chaintest.Activate(r.engine, now, nil))
	}
	r.tips.Set(r.engine.View().Height())
}

// all asks for each index.
func all(cfg *indexer.Config) {
	cfg.Transactions, cfg.Spenders, cfg.Filters, cfg.CoinStats = true, true, true, true
}

// try opens the indexes that are asked for.
func (r *rig) try(ask func(*indexer.Config)) (*indexer.Indexer, error) {
	log := slog.New(slog.DiscardHandler)
	cfg := indexer.Config{
		Dir: r.dir, Chain: r.engine.Reader, Params: r.p, Tips: r.tips, Ready: r.ready, Log: log,
		OpenStore: func(dir string, cache int64) (*store.DB, error) {
			db, err := store.Open(store.Config{Dir: dir, Cache: cache, Logger: log})
			folder, _ := filepath.Rel(r.dir, dir)
			r.stores[folder] = db
			return db, err
		},
	}
	ask(&cfg)
	return indexer.Open(cfg)
}

func (r *rig) open(ask func(*indexer.Config)) *indexer.Indexer {
	r.t.Helper()
	x, err := r.try(ask)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, x.Close()) })
	return x
}

// heights are those of all indexes, in the order in which they are opened.
func heights(x *indexer.Indexer) (list []int32) {
	for _, index := range x.All() {
		list = append(list, index.Height())
	}
	return list
}
