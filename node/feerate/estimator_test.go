package feerate_test

import (
	"encoding/binary"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/feerate"
)

func id(n int) (h chainhash.Hash) {
	binary.BigEndian.PutUint32(h[:], uint32(n))
	return h
}

func TestNothingIsKnownAtFirst(t *testing.T) {
	e := feerate.New()
	require.Equal(t, []int{12, 48, 1008}, []int{e.MaxTarget(feerate.Short), e.MaxTarget(feerate.Medium), e.MaxTarget(feerate.Long)})
	rate, of := e.Smart(6, true)
	require.Zero(t, rate)
	require.Zero(t, of, "no blocks were seen")
	rate, result := e.Raw(6, .95, feerate.Short)
	require.Zero(t, rate)
	require.Equal(t, feerate.Range{Start: -1, End: -1}, result.Pass)
	require.Equal(t, feerate.Range{Start: 0, End: 1e99}, result.Fail, "all there is does not tell anything")
	require.Equal(t, []any{.962, uint32(1)}, []any{result.Decay, result.Scale})
}

func TestWhatIsFollowed(t *testing.T) {
	e := feerate.New()
	require.False(t, e.Enter(id(1), 7, 5000), "no block was seen")
	e.Connect(7, nil)
	require.True(t, e.Enter(id(1), 7, 5000))
	require.False(t, e.Enter(id(1), 7, 5000), "it is followed")
	require.False(t, e.Enter(id(2), 6, 5000), "the block is not the best")
	e.Connect(7, []feerate.Confirmed{{ID: id(1), Height: 6, Rate: 5000}})
	require.Equal(t, 1, e.GiveUp(), "a block in place of another does not count")
	require.Zero(t, e.GiveUp())
}

// TestReplacedTransactionsFail: of those with a low fee rate one in ten is in a block, and
// the others are replaced with ten times the rate.
func TestReplacedTransactionsFail(t *testing.T) {
	e := feerate.New()
	height := uint32(1)
	e.Connect(height, nil)
	block := func(rate int64, ids ...int) {
		var mined []feerate.Confirmed
		for _, n := range ids {
			mined = append(mined, feerate.Confirmed{ID: id(n), Height: height, Rate: rate})
		}
		height++
		e.Connect(height, mined)
	}
	for n := 0; n < 1000; n += 100 {
		for i := range 50 {
			require.True(t, e.Enter(id(n+i), height, 1000))
		}
		block(1000, n, n+1, n+2, n+3, n+4)
		var replacements []int
		for i := 5; i < 50; i++ {
			e.Leave(id(n + i))
			require.True(t, e.Enter(id(n+50+i), height, 10_000))
			replacements = append(replacements, n+50+i)
		}
		block(10_000, replacements...)
	}
	rate, of := e.Smart(2, false)
	require.Equal(t, int64(10_000), rate)
	require.Equal(t, 2, of)
}

// TestManyAreNotFollowedForEver: memory is bounded whatever blocks do.
func TestManyAreNotFollowedForEver(t *testing.T) {
	e := feerate.New()
	e.Connect(1, nil)
	n := 0
	for e.Enter(id(n), 1, 1000) {
		n++
	}
	require.Equal(t, 1<<20, n)
	require.Equal(t, n, e.GiveUp())
}

func BenchmarkEnterAndLeave(b *testing.B) {
	e := feerate.New()
	e.Connect(1, nil)
	for n := 0; b.Loop(); n++ {
		e.Enter(id(n), 1, 1000)
		e.Leave(id(n - 10_000))
	}
}

func BenchmarkSmart(b *testing.B) {
	h := &history{draw: 3, e: feerate.New(), vsize: 104, height: 2000}
	h.e.Connect(2000, nil)
	for range 2100 {
		h.block()
	}
	b.ReportAllocs()
	for b.Loop() {
		h.e.Smart(504, true)
	}
}

func BenchmarkConnect(b *testing.B) {
	h := &history{draw: 3, e: feerate.New(), vsize: 104, height: 2000}
	h.e.Connect(2000, nil)
	for range 100 {
		h.block()
	}
	for height := h.height + 1; b.Loop(); height++ {
		h.e.Connect(height, nil)
	}
}
