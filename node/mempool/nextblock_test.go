package mempool_test

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

func TestWhatFitsIntoTheNextBlock(t *testing.T) {
	r := newRig(t, nil)
	parent, alone := payMany(coin, 200, 2, fund(0)), pay(coin, 1_000, fund(1))
	half := parent.TxOut[0].Value
	rich, poor := pay(half, 10_000, out(parent, 0)), pay(half, 150, out(parent, 1))
	for _, tx := range []*consensus.Tx{parent, alone, rich, poor} {
		r.accept(tx)
	}
	limits := mining.DefaultLimits()
	limits.Height, limits.Time = height+1, now
	weight := func(txs ...*consensus.Tx) (sum int64) {
		for _, tx := range txs {
			sum += int64(tx.Weight())
		}
		return sum
	}
	family, single := mempool.Chunk{Fee: 10_200, Weight: weight(parent, rich)}, mempool.Chunk{Fee: 1_000, Weight: weight(alone)}
	rest := mempool.Chunk{Fee: 150, Weight: weight(poor)}
	require.Equal(t, []mempool.Chunk{family, single, rest}, r.NextBlock(limits))
	require.Equal(t, int64(rich.Weight()+3)/4, (mempool.Chunk{Weight: weight(rich)}).VSize())

	limits.Weight = limits.Reserved + int(family.Weight) // one unit too few
	require.Equal(t, []mempool.Chunk{single}, r.NextBlock(limits), "none of a cluster after one that does not fit")
	limits = mining.DefaultLimits()
	limits.MinRate = 5_000
	require.Equal(t, []mempool.Chunk{family, single}, r.NextBlock(limits))
	limits.SigOps = consensus.MaxBlockSigOpsCost
	require.Empty(t, r.NextBlock(limits))
}

// A template has the entries of the best chunks, parents first, and none that may not be
// in the block yet.
func TestATemplate(t *testing.T) {
	r := newRig(t, nil)
	parent := payMany(coin, 200, 2, fund(0))
	half := parent.TxOut[0].Value
	rich, second := pay(half, 10_000, out(parent, 0)), pay(half, 2_000, out(parent, 1))
	alone, stingy := pay(coin, 3_000, fund(1)), pay(coin, 150, fund(2))
	for _, tx := range []*consensus.Tx{parent, stingy, alone, second, rich} {
		r.accept(tx)
	}
	template := func(limits mining.Limits) (ids []chainhash.Hash) {
		for _, e := range r.Template(limits) {
			ids = append(ids, e.Tx.ID)
		}
		return ids
	}
	limits := mining.DefaultLimits()
	limits.Height, limits.Time = height+1, now
	require.Equal(t, []chainhash.Hash{parent.ID, rich.ID, alone.ID, second.ID, stingy.ID}, template(limits))
	r.Prioritise(stingy.ID, 100_000)
	require.Equal(t, stingy.ID, template(limits)[0])
	limits.MinRate = 10_200 * 4000 / int64(parent.Weight()+rich.Weight()+3)
	require.Equal(t, []chainhash.Hash{stingy.ID, parent.ID, rich.ID}, template(limits))

	limits.Height, limits.Time = 0, 0
	locked := change(pay(coin, 50_000, fund(3)), func(tx *wire.MsgTx) { tx.LockTime, tx.TxIn[0].Sequence = height, 0 })
	r.accept(locked)
	require.NotContains(t, template(limits), locked.ID)
	limits.Height = height + 1
	require.Contains(t, template(limits), locked.ID)
}

// TestWhoComesAlone: others wait with more than their own fee rate, or did not come by
// themselves.
func TestWhoComesAlone(t *testing.T) {
	r := newRig(t, nil)
	alone := func(tx *consensus.Tx, opts mempool.Options) bool {
		result, err := r.Accept(tx, r.tip(), opts)
		require.NoError(t, err)
		return result.Events[len(result.Events)-1].(mempool.Added).Alone
	}
	first := pay(coin, 1_000, fund(0))
	require.True(t, alone(first, mempool.Options{}))
	require.False(t, alone(pay(coin-1_000, 1_000, out(first, 0)), mempool.Options{}), "a child")
	require.True(t, alone(pay(coin, 5_000, fund(0)), mempool.Options{}), "a replacement")
	require.False(t, alone(pay(coin, 1_000, fund(1)), mempool.Options{Bypass: true}), "from a block")
	require.False(t, alone(pay(coin, 1_000, fund(2)), mempool.Options{Untrimmed: true}), "in a package")

	dusty := truc(change(pay(coin, 0, fund(3)), func(tx *wire.MsgTx) { tx.TxOut = append(tx.TxOut, wire.NewTxOut(0, anyone())) }))
	child := truc(pay(coin, 10_000, out(dusty, 0), wire.OutPoint{Hash: dusty.ID, Index: 1}))
	_, result, err := r.AcceptPackage([]*consensus.Tx{dusty, child}, r.tip(), mempool.Options{})
	require.NoError(t, err)
	require.Len(t, result.Events, 2)
	for _, ev := range result.Events {
		require.False(t, ev.(mempool.Added).Alone)
	}
	require.NotEqual(t, chainhash.Hash{}, result.Entry.Tx.ID)
}
