package chain_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// manyYears keeps a chain of regtest in initial download.
const manyYears = 400_000_000

// lateFailure returns a chain whose block at the height of bad has a script
// that fails, with valid blocks above it that spend what it creates, and a
// valid branch beside it.
func lateFailure(t *testing.T, p *consensus.Params) (bad, top, beside *chaintest.Spot) {
	base := chaintest.Genesis(t, p)
	job := base.Job()
	job.Script = []byte{txscript.OP_FALSE}
	base = base.Build(job).Extend(110, 0)
	for i := range int32(10) {
		base = base.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(2 + i)}, 10, 20, 30))
	}
	theft := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 5)
	bad = base.Next(theft)
	top = bad.Next(chaintest.Spend([]wire.OutPoint{{Hash: theft.ID}}, 1)).Extend(20, 1)
	beside = base.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(12)}, 7)).Extend(30, 2)
	return bad, top, beside
}

// What was applied to the coins while scripts ran is taken back when one of
// them fails, however the blocks arrive.
func TestLateScriptFailureIsTakenBack(t *testing.T) {
	p := chaintest.Regtest(t)
	bad, top, beside := lateFailure(t, p)
	for _, age := range []int64{manyYears, 20_000} { // in initial download, and when it is over
		requireTakenBack(t, p, age, bad, top, beside)
	}
}

func requireTakenBack(t *testing.T, p *consensus.Params, age int64, bad, top, beside *chaintest.Spot) {
	want := afterwards(t, p, age, bad.Parent.Path(), nil)
	wantBeside := afterwards(t, p, age, beside.Path(), nil)
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		path := top.Path()
		for i := range path {
			// Blocks of a download come nearly in order.
			j := min(i+rng.IntN(6), len(path)-1)
			path[i], path[j] = path[j], path[i]
		}
		require.Equal(t, want, afterwards(t, p, age, path, rng), "seed %d", seed)
		require.Equal(t, wantBeside, afterwards(t, p, age, append(path, beside.Path()...), rng), "seed %d", seed)
	}
}

// ends returns the last of each branch.
func ends(path []*chaintest.Spot) (last []*chaintest.Spot) {
	inner := map[*chaintest.Spot]bool{}
	for _, spot := range path {
		inner[spot.Parent] = true
	}
	for _, spot := range path {
		if !inner[spot] {
			last = append(last, spot)
		}
	}
	return last
}

type outcome struct {
	tip  string
	hash string
}

// afterwards gives blocks to an engine, whose clock is so many seconds past the
// first block, and returns where that ends. With rng it settles at random times, else after each block.
func afterwards(t *testing.T, p *consensus.Params, age int64, path []*chaintest.Spot, rng *rand.Rand) outcome {
	t.Helper()
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	defer disk.Close(t)
	seen := map[*chain.BlockNode]bool{}
	hear := func(ev chain.Event) {
		switch ev := ev.(type) {
		case chain.Connected:
			require.False(t, seen[ev.Node], "connected twice")
			seen[ev.Node] = true
		case chain.Disconnected:
			require.True(t, seen[ev.Node])
			delete(seen, ev.Node)
		}
	}
	now := path[0].Time() + age
	e, err := chain.Open(disk.Config(p), now)
	require.NoError(t, err)
	require.NoError(t, chaintest.Activate(e, now, hear))
	for _, spot := range ends(path) {
		for _, at := range spot.Path() {
			_, _, err := e.AcceptHeaders([]wire.BlockHeader{at.Header}, now)
			require.NoError(t, err)
		}
	}
	for _, spot := range path {
		_, _, err := e.AcceptBlock(spot.Block, true, now)
		var reject *consensus.Reject
		if !errors.As(err, &reject) {
			require.NoError(t, err)
		}
		step(t, e, rng, now, hear)
	}
	require.NoError(t, e.Drain(now))
	require.NoError(t, chaintest.Activate(e, now, hear))
	tip := e.View().Tip()
	require.Equal(t, age == manyYears, e.View().Initial)
	for n := tip; n.Height > 0; n = n.Parent {
		require.True(t, seen[n])
		delete(seen, n)
	}
	require.Empty(t, seen)
	return outcome{tip.Hash.String(), chaintest.Statistics(t, e, coins.HashSerialized3).Hash.String()}
}

func step(t *testing.T, e *chain.Engine, rng *rand.Rand, now int64, hear func(chain.Event)) {
	t.Helper()
	if rng == nil {
		require.NoError(t, chaintest.Activate(e, now, hear))
		return
	}
	_, err := e.Advance(now)
	require.NoError(t, err)
	if rng.IntN(4) > 0 {
		chaintest.Tell(e, hear)
	}
	switch rng.IntN(8) {
	case 0:
		require.NoError(t, e.Drain(now))
	case 1:
		require.NoError(t, e.Collect(now))
	case 2:
		require.NoError(t, chaintest.Activate(e, now, hear))
	}
}
