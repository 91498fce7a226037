package snapshot_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// setHeight is that of the set that a rig's node may begin with.
const setHeight = 10

// rig is a node's sets in a directory, of a chain of which another node has
// written the set at setHeight to a file.
type rig struct {
	t        *testing.T
	dir      string
	tip      *chaintest.Spot // some blocks above the set
	file     string
	header   coins.SetHeader
	params   consensus.Params
	verified []int32 // heights, as they were told
	lines    at      // what is to be done at a line of the log

	disk     *chaintest.Disk
	sets     *snapshot.Sets
	owner    *chainstate.Owner
	finished chan struct{}
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), params: *chaintest.Regtest(t), file: filepath.Join(t.TempDir(), "set.dat")}
	r.tip = chaintest.Genesis(t, &r.params).Extend(setHeight, 0).Extend(3, 0)
	written, err := openSets(t).Write(t.Context(), &snapshot.Dump{Path: r.file})
	require.NoError(t, err)
	base := r.tip.Path()[setHeight-1]
	require.Equal(t, base.Hash.String(), written.Hash)
	set := consensus.AssumedSet{Height: setHeight, Block: base.Hash, ChainTx: written.ChainTx}
	require.NoError(t, chainhash.Decode(&set.Serialized, written.Serialized))
	r.params.Assumed = []consensus.AssumedSet{set}
	r.header = coins.SetHeader{Network: snapshot.Magic(r.params.Net), Block: set.Block, Coins: written.Coins}
	r.open()
	t.Cleanup(r.close)
	return r
}

// open starts the node.
func (r *rig) open() {
	r.t.Helper()
	r.lines = at{Handler: slog.DiscardHandler, do: func() {}, text: "\x00"}
	log, quiet := slog.New(&r.lines), slog.New(slog.DiscardHandler)
	r.sets = snapshot.New(snapshot.Config{
		Dir: r.dir, Params: &r.params, Log: log, Cache: 1 << 20,
		OpenStore: func(dir string, cache int64) (*store.DB, error) {
			return store.Open(store.Config{Dir: dir, Cache: cache, Logger: quiet})
		},
	})
	require.NoError(r.t, r.sets.Open())
	r.disk = chaintest.OpenDisk(r.t, filepath.Join(r.dir, "files"), &r.params)
	cfg := r.disk.Config(&r.params)
	cfg.Coins, cfg.Assumed = r.sets.Coins(), r.sets.Assumption()
	var err error
	r.owner, err = chainstate.Open(chainstate.Config{
		Chain: cfg, Mempool: mempool.DefaultConfig(), Now: r.tip.Time, Observe: func(chainstate.Event) {}, Log: log,
	})
	require.NoError(r.t, err)
	r.finished = make(chan struct{})
	r.sets.Attach(r.owner, snapshot.Events{
		Verified: func(at *chain.BlockNode) { r.verified = append(r.verified, at.Height) },
		Finished: func() { close(r.finished) },
	})
	require.NoError(r.t, r.owner.ConnectStored(r.t.Context()))
}

// requireNothingLoaded: the second folder is there for one to come, while the node runs.
func (r *rig) requireNothingLoaded() {
	r.t.Helper()
	entries, err := os.ReadDir(r.sets.LoadedDir())
	require.NoError(r.t, err)
	require.Empty(r.t, entries)
}

// logged calls a function when a line with a text is logged.
func (r *rig) logged(text string, do func()) { r.lines.text, r.lines.do = text, do }

// close ends it in order.
func (r *rig) close() {
	if r.owner == nil {
		return
	}
	require.NoError(r.t, r.owner.Close())
	require.NoError(r.t, r.sets.Close())
	r.disk.Close(r.t)
	r.owner = nil
}

// tellHeaders tells the node of the whole chain.
func (r *rig) tellHeaders() {
	r.t.Helper()
	var headers []wire.BlockHeader
	for _, spot := range r.tip.Path() {
		headers = append(headers, spot.Header)
	}
	require.NoError(r.t, r.owner.Do(r.t.Context(), func(s *chainstate.State) error {
		_, _, err := s.Chain.AcceptHeaders(headers, s.Now())
		return err
	}))
}

// deliver brings blocks.
func (r *rig) deliver(spots []*chaintest.Spot) {
	r.t.Helper()
	for _, spot := range spots {
		v, err := r.owner.ProcessBlock(r.t.Context(), spot.Block, true)
		require.NoError(r.t, err)
		require.Nil(r.t, v.Reject)
		r.sets.BlockStored()
	}
}

func (r *rig) height() int32 { return r.owner.Chain().View().Height() }

// load loads a file with the header of the right one.
func (r *rig) load(ctx context.Context, path string) (*chain.BlockNode, error) {
	r.t.Helper()
	file, err := os.Open(path)
	require.NoError(r.t, err)
	defer file.Close()
	header, err := coins.ReadSetHeader(file)
	require.NoError(r.t, err)
	return r.sets.Load(ctx, header, file)
}
