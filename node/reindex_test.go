package node_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// journal is what a node logs.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) contains(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Contains(j.text.Bytes(), []byte(text))
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// refusal runs a node that does not start, and returns why.
func (r *rig) refusal() (log *journal, err error) {
	r.t.Helper()
	log = &journal{}
	link, ended := r.bus.WatchedLink(roles.Node, "node")
	defer func() {
		link.Close()
		<-ended
	}()
	ctx, cancel := context.WithTimeout(r.ctx, 30*time.Second)
	defer cancel()
	err = node.Run(ctx, part.Env{
		Name: "node", Link: link, Clock: r.clock, Mockable: true,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	}, r.cfg)
	require.Error(r.t, err)
	return log, err
}

func (r *rig) loaded() {
	r.t.Helper()
	r.until(func() bool { return get[map[string]any](r, "getmempoolinfo")["loaded"] == true })
}

func (r *rig) path(parts ...string) string {
	return filepath.Join(append([]string{r.cfg.Dir}, parts...)...)
}

// flip changes bits of a file.
func (r *rig) flip(offset int64, path ...string) {
	r.t.Helper()
	f, err := os.OpenFile(r.path(path...), os.O_RDWR, 0)
	require.NoError(r.t, err)
	defer f.Close()
	var b [1]byte
	_, err = f.ReadAt(b[:], offset)
	require.NoError(r.t, err)
	b[0] ^= 0x10
	_, err = f.WriteAt(b[:], offset)
	require.NoError(r.t, err)
}

func (r *rig) setHash() string {
	r.t.Helper()
	return get[map[string]any](r, "gettxoutsetinfo", "muhash")["muhash"].(string)
}

// payee is an address of regtest.
const payee = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

// mined returns a rig whose node has mined blocks.
func mined(t *testing.T, count int, change func(*node.Config)) *rig {
	r := newRig(t, "regtest", change)
	r.loaded()
	for count > 0 {
		batch := min(count, 500)
		_, err := r.call("generatetoaddress", batch, payee)
		require.NoError(t, err)
		count -= batch
	}
	return r
}

func TestReindexFindsTheSameChain(t *testing.T) {
	r := newRig(t, "main", func(cfg *node.Config) {
		forMainnet(cfg)
		cfg.LoadBlock = []string{chaintest.MainnetFile(t)}
	})
	r.loaded()
	r.stop()
	r.cfg.LoadBlock = nil
	size := blocksSize(t, r)
	for _, set := range []func(bool){
		func(on bool) { r.cfg.Reindex = on },
		func(on bool) { r.cfg.ReindexChainstate = on },
	} {
		set(true)
		r.start()
		r.loaded()
		r.requireMainnet()
		r.stop()
		set(false)
		require.Equal(t, size, blocksSize(t, r), "nothing was written twice")
	}
	r.start()
	r.requireMainnet()
}

func blocksSize(t *testing.T, r *rig) (total int64) {
	t.Helper()
	files, err := filepath.Glob(r.path("blocks", "*.dat"))
	require.NoError(t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		total += info.Size()
	}
	return total
}

// Block files without index and UTXO set are those of another node, or what
// is left of ours.
func TestBlockFilesAloneAreEnough(t *testing.T) {
	r := mined(t, 120, nil)
	hash, tip := r.setHash(), get[string](r, "getbestblockhash")
	r.stop()
	require.NoError(t, os.RemoveAll(r.path("blocks", "index")))
	require.NoError(t, os.RemoveAll(r.path("chainstate")))
	r.start()
	r.loaded()
	require.Equal(t, tip, get[string](r, "getbestblockhash"))
	require.Equal(t, hash, r.setHash())
}

// An index that is gone while the UTXO set is there is not made anew without
// being asked for.
func TestMissingIndexIsTold(t *testing.T) {
	r := mined(t, 5, nil)
	tip := get[string](r, "getbestblockhash")
	r.stop()
	require.NoError(t, os.RemoveAll(r.path("blocks", "index")))
	_, err := r.refusal()
	require.ErrorIs(t, err, node.ErrDamaged)
	require.EqualError(t, err, "Error initializing block database.\nPlease restart with -reindex or -reindex-chainstate to recover.")
	r.cfg.Reindex = true
	r.start()
	r.loaded()
	require.Equal(t, tip, get[string](r, "getbestblockhash"))
}

func TestMissingBlockFileIsTold(t *testing.T) {
	r := mined(t, 400, func(cfg *node.Config) { cfg.FastPrune = true })
	r.stop()
	require.NoError(t, os.Remove(r.path("blocks", "blk00000.dat")))
	log, err := r.refusal()
	require.ErrorIs(t, err, node.ErrDamaged)
	require.True(t, log.contains("blk00000.dat is missing"))
}

// A bit that flips in a table of the UTXO set or of the index.
func TestDamagedDatabaseIsNamed(t *testing.T) {
	r := mined(t, 130, nil)
	hash := r.setHash()
	r.stop()
	for _, folder := range [][]string{{"chainstate"}, {"blocks", "index"}} {
		tables, err := filepath.Glob(r.path(append(folder, "*.sst")...))
		require.NoError(t, err)
		require.NotEmpty(t, tables)
		r.flip(40, append(folder, filepath.Base(tables[0]))...)
		log, err := r.refusal()
		require.ErrorIs(t, err, node.ErrDamaged)
		require.Contains(t, err.Error(), tables[0]+" is corrupt")
		require.Contains(t, err.Error(), "Please restart with -reindex")
		require.True(t, log.contains(tables[0]))
		r.cfg.Reindex = true
		r.start()
		r.loaded()
		require.Equal(t, hash, r.setHash())
		r.stop()
		r.cfg.Reindex = false
	}
}

// Blocks of the last ones are looked through at every start.
func TestDamagedBlockIsNamedAtStart(t *testing.T) {
	r := mined(t, 10, nil)
	r.stop()
	info, err := os.Stat(r.path("blocks", "blk00000.dat"))
	require.NoError(t, err)
	r.flip(info.Size()-30, "blocks", "blk00000.dat")
	log, err := r.refusal()
	require.ErrorIs(t, err, node.ErrDamaged)
	require.Contains(t, err.Error(), "Corrupted block database detected")
	require.True(t, log.contains("blk00000.dat is corrupt at offset"))
	// The damaged block cannot be made anew: a peer would be asked for it.
	r.cfg.Reindex = true
	r.start()
	r.loaded()
	require.Equal(t, 9, get[int](r, "getblockcount"))
}

func TestDamagedUndoDataIsNamedAtStart(t *testing.T) {
	r := mined(t, 10, nil)
	hash := r.setHash()
	r.stop()
	info, err := os.Stat(r.path("blocks", "rev00000.dat"))
	require.NoError(t, err)
	r.flip(info.Size()-20, "blocks", "rev00000.dat")
	log, err := r.refusal()
	require.ErrorIs(t, err, node.ErrDamaged)
	require.True(t, log.contains("rev00000.dat"))
	r.cfg.Reindex = true
	r.start()
	r.loaded()
	require.Equal(t, hash, r.setHash())
}

// Deep in the chain nobody looks at start, but whoever asks for the block does
// not get another one.
func TestDamagedOldBlockIsNotServed(t *testing.T) {
	r := mined(t, 30, nil)
	third := get[string](r, "getblockhash", 3)
	r.stop()
	raw, err := os.ReadFile(r.path("blocks", "blk00000.dat"))
	require.NoError(t, err)
	r.flip(int64(len(raw))*3/31+120, "blocks", "blk00000.dat")
	r.start()
	damaged := 0
	for height := range 31 {
		if _, err := r.call("getblock", get[string](r, "getblockhash", height), 2); err != nil {
			damaged++
			var e *rpc.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Message, "Block not found on disk")
		}
	}
	require.Equal(t, 1, damaged)
	require.NotEmpty(t, third)
}

// A node that is stopped while it makes its index anew goes on with it.
func TestInterruptedReindexGoesOn(t *testing.T) {
	r := newRig(t, "main", func(cfg *node.Config) {
		forMainnet(cfg)
		cfg.LoadBlock = []string{chaintest.MainnetFile(t)}
	})
	r.loaded()
	r.stop()
	r.cfg.LoadBlock, r.cfg.Reindex = nil, true
	ctx, cancel := context.WithCancel(r.ctx)
	log := &stopAt{text: "Reindexing block file", stop: cancel}
	require.NoError(t, node.Run(ctx, part.Env{
		Name: "node", Link: r.bus.Link(roles.Node, "node"), Clock: r.clock, Mockable: true, Logger: slog.New(slog.NewTextHandler(log, nil)),
	}, r.cfg))
	r.cfg.Reindex = false
	r.start()
	r.loaded()
	r.requireMainnet()
}

// stopAt ends something when a text is logged.
type stopAt struct {
	text string
	stop func()
}

func (s *stopAt) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(s.text)) {
		s.stop()
	}
	return io.Discard.Write(b)
}

func TestPruning(t *testing.T) {
	r := mined(t, 50, func(cfg *node.Config) { cfg.FastPrune = true })
	r.refused(rpc.MiscError, "Cannot prune blocks because node is not in prune mode", "pruneblockchain", 10)
	require.False(t, get[map[string]any](r, "getblockchaininfo")["pruned"].(bool))
	r.stop()
	r.cfg.PruneMiB = 1
	r.start()
	r.loaded()
	r.refused(rpc.MiscError, "Blockchain is too short for pruning", "pruneblockchain", 10)
	for range 3 {
		_, err := r.call("generatetoaddress", 300, payee)
		require.NoError(t, err)
	}
	r.refused(rpc.InvalidParameter, "Blockchain is shorter than the attempted prune height", "pruneblockchain", 951)
	r.refused(rpc.InvalidParameter, "Negative block height", "pruneblockchain", -1)
	hash, size := r.setHash(), blocksSize(t, r)
	last := get[int](r, "pruneblockchain", 600)
	require.Greater(t, last, 100)
	require.Less(t, last, 601)
	require.Less(t, blocksSize(t, r), size)
	require.NoFileExists(t, r.path("blocks", "blk00000.dat"))
	require.NoFileExists(t, r.path("blocks", "rev00000.dat"))
	info := get[map[string]any](r, "getblockchaininfo")
	require.Equal(t, true, info["pruned"])
	require.Equal(t, false, info["automatic_pruning"])
	require.InDelta(t, last+1, info["pruneheight"], 0)
	r.refused(rpc.MiscError, "Block not available (pruned data)", "getblock", get[string](r, "getblockhash", last))
	_, err := r.call("getblock", get[string](r, "getblockhash", last+1))
	require.NoError(t, err)
	require.False(t, get[bool](r, "verifychain", 4, 0), "not all blocks are there")
	// The last blocks stay, whatever is asked for.
	kept := get[int](r, "pruneblockchain", 950)
	require.LessOrEqual(t, kept, 950-288)

	r.stop()
	r.start()
	r.loaded()
	require.Equal(t, hash, r.setHash())
	r.stop()
	r.cfg.PruneMiB = 0
	_, err = r.refusal()
	require.ErrorContains(t, err, "You need to rebuild the database using -reindex to go back to unpruned mode")
	// What was deleted cannot be made anew; the node begins again.
	r.cfg.PruneMiB, r.cfg.Reindex = 1, true
	r.start()
	r.loaded()
	require.Equal(t, 0, get[int](r, "getblockcount"))
	files, err := filepath.Glob(r.path("blocks", "blk*.dat"))
	require.NoError(t, err)
	require.Len(t, files, 1)
}

func TestPruneSettings(t *testing.T) {
	for mib, text := range map[int64]string{-1: "cannot be configured with a negative value", 549: "below the minimum of 550 MiB"} {
		cfg := node.DefaultConfig("regtest")
		cfg.PruneMiB = mib
		require.ErrorContains(t, cfg.Validate(), text)
	}
	cfg := node.DefaultConfig("regtest")
	cfg.PruneMiB, cfg.ReindexChainstate = 550, true
	require.ErrorContains(t, cfg.Validate(), "incompatible with -reindex-chainstate")
}

func TestMempoolSettings(t *testing.T) {
	cfg := node.DefaultConfig("regtest")
	require.NoError(t, cfg.Validate())
	cfg.MaxMempoolMB = 4
	require.EqualError(t, cfg.Validate(), "-maxmempool must be at least 5 MB")
	cfg.MaxMempoolMB, cfg.ClusterCount = 5, 65
	require.EqualError(t, cfg.Validate(), "limitclustercount must be less than or equal to 64")
	cfg.MaxMempoolMB, cfg.ClusterCount = 0, 64
	require.NoError(t, cfg.Validate())
}

func TestMiningSettings(t *testing.T) {
	for text, set := range map[string]func(*node.Config){
		"-blockreservedweight (1999) is lower than minimum safety value of (2000)":        func(cfg *node.Config) { cfg.BlockReserved = 1999 },
		"-blockreservedweight (4000001) exceeds consensus maximum block weight (4000000)": func(cfg *node.Config) { cfg.BlockReserved = 4_000_001 },
		"-blockmaxweight (4000001) exceeds consensus maximum block weight (4000000)":      func(cfg *node.Config) { cfg.BlockMaxWeight = 4_000_001 },
		"-blockreservedweight (8000) exceeds -blockmaxweight (7999)":                      func(cfg *node.Config) { cfg.BlockMaxWeight = 7999 },
	} {
		cfg := node.DefaultConfig("regtest")
		set(&cfg)
		require.EqualError(t, cfg.Validate(), text)
	}
}
