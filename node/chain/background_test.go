package chain_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// assumption is a chain with spends, and a block of it whose set is assumed.
type assumption struct {
	base, tip *chaintest.Spot
	set       consensus.AssumedSet
}

func newAssumption(t *testing.T, p *consensus.Params) assumption {
	tip := chaintest.Genesis(t, p).Extend(102, 0)
	a := assumption{}
	for height := int32(1); tip.Height < 125; height++ {
		tip = tip.Next(chaintest.Spend([]wire.OutPoint{tip.Coinbase(height)}, 10, 20))
		if tip.Height == 112 {
			a.base = tip
		}
	}
	a.tip = tip
	a.set = consensus.AssumedSet{Height: 112, Block: a.base.Hash, ChainTx: 112 + 1 + 10, Serialized: undisturbed(t, p, a.base).Hash}
	return a
}

// fill copies the set into the store of another engine.
func (a assumption) fill(t *testing.T, p *consensus.Params, to *store.DB) {
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	defer disk.Close(t)
	e, err := chain.Open(disk.Config(p), regtestNow)
	require.NoError(t, err)
	give(t, e, a.base.Path())
	require.NoError(t, e.Flush())
	snapshot := e.Coins().Snapshot()
	defer snapshot.Close()
	require.NoError(t, coins.Copy(to, snapshot, func(uint64) error { return nil }))
}

func give(t *testing.T, e *chain.Engine, spots []*chaintest.Spot) {
	t.Helper()
	for _, s := range spots {
		_, _, err := e.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(t, err)
	}
	require.NoError(t, chaintest.Activate(e, regtestNow, nil))
}

// historian is an engine with an assumed set, and the disk below it.
type historian struct {
	t   *testing.T
	p   *consensus.Params
	a   assumption
	r   *rand.Rand
	dir string

	disk    *chaintest.Disk
	assumed *store.DB
	mortal  *mortal
	engine  *chain.Engine
	durable map[string]int64 // sizes of the block files at the last flush
}

// open opens the engine, with the assumption once that was made.
func (h *historian) open(assuming bool) {
	h.t.Helper()
	h.disk = chaintest.OpenDisk(h.t, h.dir, h.p)
	var err error
	h.assumed, err = store.Open(store.Config{Dir: filepath.Join(h.dir, "chainstate_snapshot")})
	require.NoError(h.t, err)
	h.mortal = &mortal{Store: h.disk.Coins, left: -1}
	cfg := h.disk.Config(h.p)
	cfg.Coins = h.mortal
	if assuming {
		cfg.Coins, cfg.Assumed = h.assumed, &chain.Assumption{Set: &h.a.set, Verified: h.mortal}
	}
	h.engine, err = chain.Open(cfg, regtestNow)
	require.NoError(h.t, err)
	require.NoError(h.t, chaintest.Activate(h.engine, regtestNow, nil))
}

func (h *historian) files() map[string]int64 {
	sizes := map[string]int64{}
	names, err := filepath.Glob(filepath.Join(h.dir, "blocks", "*.dat"))
	require.NoError(h.t, err)
	for _, name := range names {
		info, err := os.Stat(name)
		require.NoError(h.t, err)
		sizes[name] = info.Size()
	}
	return sizes
}

func (h *historian) flush() {
	require.NoError(h.t, h.engine.Flush())
	h.durable = h.files()
}

// crash is the end of the machine: of what was not flushed, files lose some.
func (h *historian) crash() {
	h.t.Helper()
	if h.r.IntN(2) == 0 {
		h.mortal.left = h.r.IntN(40) // in the middle of a flush
		if err := h.engine.Flush(); !errors.Is(err, errCrash) {
			require.NoError(h.t, err)
		}
		h.durable = h.files() // they came first
	} else {
		require.NoError(h.t, h.engine.Checkpoint())
	}
	h.disk.Close(h.t)
	require.NoError(h.t, h.assumed.Close())
	for name, size := range h.files() {
		if h.r.IntN(2) == 0 && size > h.durable[name] && filepath.Base(name)[:3] == "rev" {
			require.NoError(h.t, os.Truncate(name, h.durable[name]+h.r.Int64N(size-h.durable[name])))
		}
	}
	h.open(true)
}

// prove verifies some blocks of the background.
func (h *historian) prove(count int) {
	h.t.Helper()
	for range count {
		p, err := h.engine.Prove()
		require.NoError(h.t, err)
		if p == nil {
			return
		}
		full, err := h.engine.CommitProof(p)
		require.NoError(h.t, err)
		if full {
			require.NoError(h.t, h.engine.Drain(regtestNow))
			require.NoError(h.t, h.engine.TrimBackground())
		}
	}
}

// Whenever the machine ends while a background is verified, it goes on from where
// it was durable, and leads to the set that was assumed, with undo data of all
// blocks.
func TestBackgroundSurvivesCrashes(t *testing.T) {
	p := chaintest.Regtest(t)
	a := newAssumption(t, p)
	for seed := range uint64(6) {
		h := &historian{t: t, p: p, a: a, r: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir()}
		h.open(false)
		own := a.tip.Path()[:30+seed*10]
		give(t, h.engine, own)
		give(t, h.engine, own[len(own)-1].Extend(5, 7).Path()[len(own):]) // has to be left
		var headers []wire.BlockHeader
		for _, s := range a.tip.Path() {
			headers = append(headers, s.Header)
		}
		_, _, err := h.engine.AcceptHeaders(headers, regtestNow)
		require.NoError(t, err)
		a.fill(t, p, h.assumed)
		require.NoError(t, h.engine.Assume(&a.set, h.assumed, regtestNow))
		chaintest.Tell(h.engine, nil)
		h.flush()
		require.Equal(t, a.base.Hash, h.engine.View().Tip().Hash)
		for range 60 {
			switch h.r.IntN(6) {
			case 0:
				h.crash()
			case 1:
				h.flush()
			case 2:
				var some []*chaintest.Spot
				for _, i := range h.r.Perm(125)[:20] {
					some = append(some, a.tip.Path()[i])
				}
				give(t, h.engine, some)
			default:
				if next := a.tip.Path()[min(h.engine.Verified().Height(), 111)]; !h.engine.Info(h.engine.Lookup(next.Hash)).HaveBlock {
					give(t, h.engine, []*chaintest.Spot{next})
				}
				h.prove(h.r.IntN(6))
			}
		}
		give(t, h.engine, a.tip.Path())
		h.prove(1000)
		past := h.engine.Background()
		require.True(t, past.Done())
		h.flush()
		snapshot := past.Coins().Snapshot()
		stats, err := coins.ReadStats(snapshot, coins.HashSerialized3, func() error { return nil })
		snapshot.Close()
		require.NoError(t, err)
		require.Equal(t, a.set.Serialized, stats.Hash)

		require.NoError(h.t, h.engine.EndBackground())
		require.NoError(t, chaintest.Activate(h.engine, regtestNow, nil))
		require.Equal(t, a.tip.Hash, h.engine.View().Tip().Hash)
		require.Equal(t, undisturbed(t, p, a.tip), chaintest.Statistics(t, h.engine, coins.HashSerialized3))
		_, _, err = h.engine.Verify(chain.VerifyConnect, 0)
		require.NoError(t, err)
		h.disk.Close(t)
		require.NoError(t, h.assumed.Close())
	}
}

// What is below an assumed set cannot be left, and a better branch from there
// has to wait, until the background is verified.
func TestBetterBranchBelowAnAssumedSet(t *testing.T) {
	p := chaintest.Regtest(t)
	a := newAssumption(t, p)
	h := &historian{t: t, p: p, a: a, dir: t.TempDir()}
	h.open(false)
	give(t, h.engine, a.tip.Path()[:100])
	headers := []wire.BlockHeader{}
	for _, s := range a.tip.Path() {
		headers = append(headers, s.Header)
	}
	_, _, err := h.engine.AcceptHeaders(headers, regtestNow)
	require.NoError(t, err)
	a.fill(t, p, h.assumed)
	require.NoError(t, h.engine.Assume(&a.set, h.assumed, regtestNow))
	chaintest.Tell(h.engine, nil)
	require.ErrorIs(t, h.engine.Assume(&a.set, h.assumed, regtestNow), chain.ErrUnverified)
	require.ErrorIs(t, h.engine.Invalidate(a.base.Hash, regtestNow), chain.ErrUnverified)

	branch := a.tip.Path()[99].Extend(40, 3)
	give(t, h.engine, branch.Path()[100:])
	require.Equal(t, a.base.Hash, h.engine.View().Tip().Hash)
	give(t, h.engine, a.base.Path()[100:])
	h.prove(1000)
	require.True(t, h.engine.Background().Done())
	require.NoError(h.t, h.engine.EndBackground())
	require.NoError(t, chaintest.Activate(h.engine, regtestNow, nil))
	require.Equal(t, branch.Hash, h.engine.View().Tip().Hash)
	require.Equal(t, undisturbed(t, p, branch), chaintest.Statistics(t, h.engine, coins.HashSerialized3))
	h.disk.Close(t)
	require.NoError(t, h.assumed.Close())
}

// Pruning spares what the background has not verified long ago, and takes what is
// above it.
func TestPruningBesideABackgroundSet(t *testing.T) {
	p := chaintest.Regtest(t)
	a := newAssumption(t, p)
	a.tip = a.tip.Extend(400, 0)
	h := &historian{t: t, p: p, a: a, dir: t.TempDir()}
	blocks, err := blockfile.Open(blockfile.Config{Dir: filepath.Join(h.dir, "blocks"), Magic: uint32(p.Net), MaxFile: 4 << 10})
	require.NoError(t, err)
	h.disk = chaintest.OpenDisk(t, t.TempDir(), p)
	cfg := h.disk.Config(p)
	cfg.Blocks = blocks
	h.engine, err = chain.Open(cfg, regtestNow)
	require.NoError(t, err)
	path := a.tip.Path()
	give(t, h.engine, path[:100])
	var headers []wire.BlockHeader
	for _, s := range path {
		headers = append(headers, s.Header)
	}
	_, _, err = h.engine.AcceptHeaders(headers, regtestNow)
	require.NoError(t, err)
	h.assumed, err = store.Open(store.Config{Dir: filepath.Join(h.dir, "chainstate_snapshot")})
	require.NoError(t, err)
	a.fill(t, p, h.assumed)
	require.NoError(t, h.engine.Assume(&a.set, h.assumed, regtestNow))
	chaintest.Tell(h.engine, nil)
	give(t, h.engine, path[112:])
	give(t, h.engine, path[100:105])

	have := func(from, to int) (count int) {
		for _, s := range path[from:to] {
			if h.engine.Info(h.engine.Lookup(s.Hash)).HaveBlock {
				count++
			}
		}
		return count
	}
	_, err = h.engine.PruneTo(a.tip.Height)
	require.NoError(t, err)
	require.Equal(t, 105, have(0, 105))
	require.Less(t, have(112, 230), 40)
	give(t, h.engine, path[105:112])
	h.prove(1000)
	require.True(t, h.engine.Background().Done())
	require.NoError(h.t, h.engine.EndBackground())
	_, err = h.engine.PruneTo(a.tip.Height)
	require.NoError(t, err)
	require.Less(t, have(0, 105), 40)
	require.NoError(t, blocks.Close())
	h.disk.Close(t)
	require.NoError(t, h.assumed.Close())
}

// Pruning by itself spares what a start may have to repeat for the background's
// set, waits for the flush after which it has not, and for no other, though the chain goes on.
func TestPruningWaitsForTheBackgroundSet(t *testing.T) {
	p, dir := chaintest.Regtest(t), t.TempDir()
	p.PruneAfterHeight = 100
	base := chaintest.Genesis(t, p)
	for range 18 { // pruning looks every 16 MiB
		job := base.Job()
		job.Script = make([]byte, 950_000)
		base = base.Build(job)
	}
	base = base.Extend(430-18, 0)
	tip := base.Extend(400, 0)
	path := tip.Extend(1, 0).Path()
	a := assumption{base: base, tip: tip, set: consensus.AssumedSet{
		Height: base.Height, Block: base.Hash, ChainTx: int64(base.Height) + 1, Serialized: undisturbed(t, p, base).Hash,
	}}
	h := &historian{t: t, p: p, a: a, dir: dir}
	slow := (*slowDisk)(nil)
	session := func(change func(*chain.Config), fn func()) {
		blocks, err := blockfile.Open(blockfile.Config{Dir: filepath.Join(dir, "few"), Magic: uint32(p.Net), MaxFile: 4 << 10})
		require.NoError(t, err)
		disk := chaintest.OpenDisk(t, dir, p)
		defer disk.Close(t)
		h.assumed, err = store.Open(store.Config{Dir: filepath.Join(dir, "chainstate_snapshot")})
		require.NoError(t, err)
		defer func() { require.NoError(t, errors.Join(blocks.Close(), h.assumed.Close())) }()
		cfg := disk.Config(p)
		slow = newSlowDisk(disk.Coins)
		cfg.Coins, cfg.Blocks, cfg.LeaveWrites = slow, blocks, 0
		change(&cfg)
		h.engine, err = chain.Open(cfg, regtestNow)
		require.NoError(t, err)
		fn()
	}
	session(func(*chain.Config) {}, func() {
		give(t, h.engine, path[:5])
		var headers []wire.BlockHeader
		for _, s := range path {
			headers = append(headers, s.Header)
		}
		_, _, err := h.engine.AcceptHeaders(headers, regtestNow)
		require.NoError(t, err)
		a.fill(t, p, h.assumed)
		require.NoError(t, h.engine.Assume(&a.set, h.assumed, regtestNow))
		give(t, h.engine, path[5:tip.Height])
		h.prove(5)
		require.NoError(t, h.engine.Flush())
		h.prove(410)
		require.NoError(t, h.engine.Leave())
	})
	assumed := func(cfg *chain.Config) {
		cfg.Assumed = &chain.Assumption{Set: &a.set, Verified: cfg.Coins}
		cfg.Coins = h.assumed
		cfg.Pruning, cfg.PruneTarget = true, 1
	}
	session(assumed, func() {
		have := func(height int32) bool {
			return h.engine.Info(h.engine.Lookup(path[height-1].Hash)).HaveBlock
		}
		require.Equal(t, int32(420), h.engine.Verified().Height())
		slow.hold()
		_, err := h.engine.Advance(regtestNow)
		require.NoError(t, err)
		require.True(t, have(12), "the next start repeats it")
		give(t, h.engine, path[tip.Height:])
		require.Equal(t, tip.Height+1, h.engine.View().Height())
		slow.release()
		<-h.engine.Flushing()
		require.NoError(t, chaintest.Activate(h.engine, regtestNow, nil))
		require.False(t, have(12))
		require.True(t, have(420-288+1))
		require.Nil(t, h.engine.Flushing())
	})
}
