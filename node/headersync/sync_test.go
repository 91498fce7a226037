package headersync

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// batch is how many headers a message has here.
const batch = 2000

// rig has the headers of a peer and what they have to show.
type rig struct {
	start   Start
	headers []wire.BlockHeader
}

// newRig makes n headers above a block at height 10; the last but spare of them
// have the work that is needed.
func newRig(t *testing.T, n, spare int) *rig {
	p, err := consensus.ForChain("regtest", "")
	require.NoError(t, err)
	r := &rig{start: Start{Params: p, Height: 10, Hash: chainhash.Hash{9}, Bits: 0x207fffff, Locator: []chainhash.Hash{{9}, {8}}, MaxBits: 1000, Offset: 3}}
	r.headers = chainOf(r.start.Hash, n, 0)
	for range n - spare {
		r.start.Needed = r.start.Needed.Add(consensus.Work(0x207fffff))
	}
	return r
}

func chainOf(parent chainhash.Hash, n int, nonce uint32) (headers []wire.BlockHeader) {
	for i := range n {
		h := wire.BlockHeader{Version: 4, PrevBlock: parent, Bits: 0x207fffff, Timestamp: time.Unix(int64(i), 0), Nonce: nonce}
		headers, parent = append(headers, h), h.BlockHash()
	}
	return headers
}

// serve answers as a peer with these headers would, from where the locator says.
func (r *rig) serve(locator []chainhash.Hash, headers []wire.BlockHeader) []wire.BlockHeader {
	from := 0
	for i := range headers {
		if headers[i].BlockHash() == locator[0] {
			from = i + 1
		}
	}
	return headers[from:min(from+batch, len(headers))]
}

// run serves a sync until it is over. second is served in the second pass.
func (r *rig) run(s *Sync, second []wire.BlockHeader) (ready []wire.BlockHeader, err error) {
	headers := r.headers
	for more := true; more; {
		part := r.serve(s.Locator(), headers)
		var some []wire.BlockHeader
		if some, more, err = s.Next(part, len(part) == batch); err != nil {
			return append(ready, some...), err
		}
		ready = append(ready, some...)
		if s.Height() < 0 {
			headers = second
		}
	}
	return ready, nil
}

// A chain with enough work is handed out whole, in order, however it is cut, and
// with what has come on top between the passes.
func TestAChainWithEnoughWorkIsKept(t *testing.T) {
	for _, n := range []int{1, batch - 1, batch, batch + 1, 7017, 12_000, 20_000} {
		for _, spare := range []int{0, 1, 500} {
			r := newRig(t, n, min(spare, n-1))
			longer := append(append([]wire.BlockHeader{}, r.headers...), chainOf(r.headers[n-1].BlockHash(), 70, 5)...)
			ready, err := r.run(New(r.start), longer)
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(ready), n-spare, "%d %d", n, spare)
			require.Equal(t, longer[:len(ready)], ready)
		}
	}
}

func TestTheFirstPassKeepsNothing(t *testing.T) {
	r := newRig(t, 9000, 0)
	s := New(r.start)
	for i := range 4 {
		ready, more, err := s.Next(r.serve(s.Locator(), r.headers), true)
		require.NoError(t, err)
		require.True(t, more)
		require.Empty(t, ready)
		require.Equal(t, int32(10+batch*(i+1)), s.Height())
		require.Empty(t, s.waiting.headers)
		require.Equal(t, append([]chainhash.Hash{r.headers[batch*(i+1)-1].BlockHash()}, r.start.Locator...), s.Locator())
	}
	require.InDelta(t, 8000/275, s.bits.len(), 1)
}

func TestWhoIsNotFollowed(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*rig)
		second func(*rig) []wire.BlockHeader
		want   string
	}{
		"too little": {func(r *rig) { r.headers = r.headers[:11_000] }, nil, "incomplete headers message at height=11010 (presync phase)"},
		"too long":   {func(r *rig) { r.start.MaxBits = 20 }, nil, "exceeded max commitments"},
		"another chain": {func(*rig) {}, func(r *rig) []wire.BlockHeader { return chainOf(r.start.Hash, 12_000, 7) },
			"commitment mismatch"},
		"shorter again": {func(*rig) {}, func(r *rig) []wire.BlockHeader { return r.headers[:11_500] },
			"incomplete headers message at height=11510 (redownload phase)"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 12_000, 0)
			tt.change(r)
			second := r.headers
			if tt.second != nil {
				second = tt.second(r)
			}
			ready, err := r.run(New(r.start), second)
			require.ErrorContains(t, err, tt.want)
			if name == "another chain" {
				require.Empty(t, ready, "one in 33 million gets as far as a header")
			}
		})
	}
	r := newRig(t, 3000, 0)
	s := New(r.start)
	_, _, err := s.Next(r.headers[1:], true)
	require.ErrorContains(t, err, "non-continuous headers at height=10 (presync phase)")
	r.start.Params, err = consensus.ForChain("main", "")
	require.NoError(t, err)
	r.headers[1].Bits--
	r.headers[2].PrevBlock = r.headers[1].BlockHash()
	_, _, err = New(r.start).Next(r.headers, true)
	require.ErrorContains(t, err, "invalid difficulty transition at height=12")
}

// The queues against a slice.
func TestQueues(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var bits bitQueue
	var headers headerQueue
	var want []uint32
	next := uint32(0)
	for range 20_000 {
		if rng.IntN(5) < 3 {
			next++
			want = append(want, next)
			bits.push(next%3 == 0)
			headers.push(&wire.BlockHeader{Nonce: next})
			require.LessOrEqual(t, len(headers.headers), 2*len(want)+2, "what was taken is given up")
		} else if len(want) > 0 {
			bit, ok := bits.pop()
			require.True(t, ok)
			require.Equal(t, want[0]%3 == 0, bit)
			require.Equal(t, want[0], headers.pop().Nonce)
			want = want[1:]
		}
		require.Equal(t, len(want), bits.len())
		require.Equal(t, len(want), headers.len())
	}
	_, ok := (&bitQueue{}).pop()
	require.False(t, ok)
}
