package mempool

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

// web makes entries that spend earlier ones at random.
func web(r *rand.Rand, n int) (entries []*Entry, members map[*Entry]struct{}) {
	members = map[*Entry]struct{}{}
	for i := range n {
		e := &Entry{Tx: &consensus.Tx{}, Fee: r.Int64N(20), Weight: 1 + r.Int64N(8), parents: map[*Entry]struct{}{}, children: map[*Entry]struct{}{}}
		e.Tx.ID[0] = byte(i)
		for _, other := range entries {
			if r.IntN(4) == 0 {
				e.parents[other] = struct{}{}
				other.children[e] = struct{}{}
			}
		}
		entries = append(entries, e)
		members[e] = struct{}{}
	}
	return entries, members
}

// bestDiagram tries every order.
func bestDiagram(order []*Entry, left []*Entry, best *[]chunk) {
	if len(left) == 0 {
		chunks := chunked(order)
		if *best == nil || improves(chunks, append([]chunk{}, *best...)) {
			*best = chunks
		}
		return
	}
	placed := map[*Entry]bool{}
	for _, e := range order {
		placed[e] = true
	}
	for i, e := range left {
		ready := true
		for parent := range e.parents {
			ready = ready && placed[parent]
		}
		if ready {
			rest := append(append([]*Entry{}, left[:i]...), left[i+1:]...)
			bestDiagram(append(append([]*Entry{}, order...), e), rest, best)
		}
	}
}

// No order of any small cluster has a better diagram.
func TestALinearizationIsTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		entries, members := web(r, 2+r.IntN(5))
		var best []chunk
		bestDiagram(nil, entries, &best)
		order := linearize(members)
		require.Len(t, order, len(entries))
		seen := map[*Entry]bool{}
		for _, e := range order {
			for parent := range e.parents {
				require.True(t, seen[parent], "a parent comes first")
			}
			seen[e] = true
		}
		ours := chunked(order)
		require.False(t, improves(append([]chunk{}, best...), append([]chunk{}, ours...)), "%v is better than %v", best, ours)
	}
}

// The greedy way by ancestors takes the pair first, of which together with the others
// more could be had: A pays for both its parents only with B.
func TestALinearizationSeesWhatSeveralPayForTogether(t *testing.T) {
	make := func(id byte, fee, weight int64, parents ...*Entry) *Entry {
		e := &Entry{Tx: &consensus.Tx{}, Fee: fee, Weight: weight, parents: map[*Entry]struct{}{}}
		e.Tx.ID[0] = id
		for _, p := range parents {
			e.parents[p] = struct{}{}
		}
		return e
	}
	parent := make(1, 0, 10)
	a, b, c := make(2, 10, 1, parent), make(3, 10, 1, parent), make(4, 10, 1, parent)
	alone := make(5, 20, 10)
	chunks := chunked(linearize(map[*Entry]struct{}{parent: {}, a: {}, b: {}, c: {}, alone: {}}))
	require.Equal(t, int64(30), chunks[0].fee, "three children pay 30 for 13, the other 20 for 10")
	require.Equal(t, int64(13), chunks[0].weight)
}

func TestRatesAreComparedExactly(t *testing.T) {
	const large = 1 << 60
	require.Equal(t, 1, compareRates(large+1, 3, large, 3))
	require.Equal(t, -1, compareRates(-large-1, 3, -large, 3))
	require.Equal(t, -1, compareRates(-1, 3, 1, 3))
	require.Equal(t, 1, compareRates(0, 3, -1, 3))
	require.Zero(t, compareRates(large, 1<<20, large<<1, 1<<21))
	require.Equal(t, 1, compareRates(large<<1+1, 1<<21, large, 1<<20))
}

func BenchmarkLinearize(b *testing.B) {
	_, members := web(rand.New(rand.NewPCG(1, 2)), 64)
	for b.Loop() {
		linearize(members)
	}
}

// BenchmarkTemplate chooses a block from 50,000 transactions that wait, a third of them in
// families of three.
func BenchmarkTemplate(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	p := New(DefaultConfig())
	hash := func() (h chainhash.Hash) {
		for i := 0; i < len(h); i += 8 {
			binary.LittleEndian.PutUint64(h[i:], r.Uint64())
		}
		return h
	}
	var last *consensus.Tx
	for n := range 50_000 {
		tx := &wire.MsgTx{Version: 2, TxOut: []*wire.TxOut{{Value: 1, PkScript: make([]byte, 22)}}}
		from := wire.OutPoint{Hash: hash()}
		if n%9 < 2 && last != nil {
			from = wire.OutPoint{Hash: last.ID}
		}
		tx.TxIn = []*wire.TxIn{{PreviousOutPoint: from, Witness: wire.TxWitness{make([]byte, 72), make([]byte, 33)}}}
		last = consensus.NewTx(tx)
		weight := int64(last.Weight())
		p.insert(&Entry{Tx: last, Fee: 200 + r.Int64N(20_000), Weight: weight, VSize: (weight + 3) / 4, SigOps: 4})
	}
	limits := mining.DefaultLimits()
	b.ReportMetric(float64(len(p.Template(limits))), "txs")
	for b.Loop() {
		p.Template(limits)
	}
}
