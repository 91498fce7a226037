package mempool_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

const coin = consensus.Coin

// acceptPackage offers transactions together.
func (r *rig) acceptPackage(txs ...*consensus.Tx) (mempool.Result, error) {
	pkg, err := r.ProposePackage(txs, r.tip(), mempool.Options{})
	if err != nil {
		return mempool.Result{}, err
	}
	if err := r.VerifyPackage(pkg, r.Config().Verifier.VerifyTx); err != nil {
		return mempool.Result{}, err
	}
	result, err := r.CommitPackage(pkg, r.tip())
	r.hear(result.Events)
	return result, err
}

func (r *rig) refusePackage(reason string, at *consensus.Tx, txs ...*consensus.Tx) {
	r.t.Helper()
	before := r.Figures()
	_, err := r.acceptPackage(txs...)
	var failed *mempool.PackageError
	require.ErrorAs(r.t, err, &failed)
	var reject *consensus.Reject
	require.ErrorAs(r.t, err, &reject)
	require.Equal(r.t, reason, reject.Reason)
	require.Same(r.t, at, failed.Tx)
	require.Equal(r.t, before, r.Figures())
}

// truc makes a version 3 transaction of another one.
func truc(tx *consensus.Tx) *consensus.Tx {
	return change(tx, func(tx *wire.MsgTx) { tx.Version = 3 })
}

func TestAChildPaysForItsParents(t *testing.T) {
	r := newRig(t, nil)
	first, second := pay(coin, 0, fund(0)), pay(coin, 1, fund(1))
	child := pay(2*coin-1, 10_000, out(first, 0), out(second, 0))
	r.refuse(first, "min relay fee not met")
	stingy := pay(2*coin-1, 1, out(first, 0), out(second, 0))
	r.refusePackage("min relay fee not met", stingy, first, second, stingy)
	result, err := r.acceptPackage(first, second, child)
	require.NoError(t, err)
	require.Same(t, child, result.Entry.Tx)
	require.Equal(t, []string{"A1", "A2", "A3"}, r.events)
	below, ok := r.Descendants(first.ID)
	require.True(t, ok)
	require.Len(t, below, 1)
	order := r.Best([]chainhash.Hash{child.WitnessID, second.WitnessID, first.WitnessID, {9}})
	require.Len(t, order, 3)
	require.Equal(t, child.WitnessID, order[2], "parents go first")
}

func TestPackagesAreRefused(t *testing.T) {
	r := newRig(t, nil)
	parent := pay(coin, 0, fund(0))
	child := pay(coin, 10_000, out(parent, 0))
	badScript := func(tx *wire.MsgTx) { tx.TxIn[0].Witness = wire.TxWitness{{txscript.OP_2}} }
	_, err := r.acceptPackage(parent, change(child, badScript))
	require.ErrorContains(t, err, "mempool-script-verify-flag-failed")
	greedy, stray := pay(coin, -1, out(parent, 0)), pay(coin, 10_000, out(parent, 1))
	r.refusePackage("bad-txns-in-belowout", greedy, parent, greedy)
	r.refusePackage("bad-txns-inputs-missingorspent", stray, parent, stray)
	both := pay(2*coin, 10_000, out(parent, 0), fund(0))
	r.refusePackage("conflict-in-package", nil, parent, both)
	r.refusePackage("package-contains-duplicates", nil, parent, parent)
	r.refusePackage("package-not-sorted", nil, child, parent)
	r.refusePackage("TRUC-violation", nil, truc(parent), pay(coin, 10_000, out(truc(parent), 0)))

	dusty := change(parent, func(tx *wire.MsgTx) {
		tx.TxOut[0].Value--
		tx.TxOut = append(tx.TxOut, &wire.TxOut{Value: 1, PkScript: anyone()})
	})
	spares := pay(coin-1, 10_000, out(dusty, 0))
	r.refusePackage("missing-ephemeral-spends", spares, dusty, spares)
	_, err = r.acceptPackage(dusty, pay(coin, 10_000, out(dusty, 0), out(dusty, 1)))
	require.NoError(t, err)
}

// A package may replace what one of its members conflicts with, if it pays for
// that and is better to mine.
func TestAPackageReplaces(t *testing.T) {
	r := newRig(t, nil)
	old := pay(coin, 5000, fund(0))
	r.accept(old)
	parent := pay(coin, 0, fund(0))
	r.refusePackage("package RBF failed: insufficient anti-DoS fees", nil, parent, pay(coin, 5000, out(parent, 0)))
	result, err := r.acceptPackage(parent, pay(coin, 10_000, out(parent, 0)))
	require.NoError(t, err)
	require.Len(t, result.Replaced, 1)
	require.Nil(t, r.Get(old.ID))

	ancestor, rival := pay(coin, 5000, fund(1)), pay(coin, 5000, fund(2))
	r.accept(ancestor)
	r.accept(rival)
	parent = pay(2*coin-5000, 0, out(ancestor, 0), fund(2))
	r.refusePackage("package RBF failed: new transaction cannot have mempool ancestors", nil, parent, pay(2*coin-5000, 50_000, out(parent, 0)))

	other := pay(coin, 0, fund(3))
	parent = pay(coin, 0, fund(2))
	r.refusePackage("package RBF failed: package must be 1-parent-1-child", nil, parent, other, pay(2*coin, 50_000, out(parent, 0), out(other, 0)))
}

// A package that is the first to go when the pool is full is heard of by nobody.
func TestAPackageWithoutRoom(t *testing.T) {
	r := newRig(t, func(cfg *mempool.Config) { cfg.MaxBytes = 6000 })
	for i := byte(10); r.Figures().Usage < 5000; i++ {
		r.accept(pay(coin, 50_000, fund(i)))
	}
	before, events := r.Figures().Count, len(r.events)
	parent := pay(coin, 0, fund(0))
	_, err := r.acceptPackage(parent, pay(coin, 1000, out(parent, 0)))
	require.ErrorContains(t, err, "mempool full")
	require.Equal(t, before, r.Figures().Count)
	require.Len(t, r.events, events)
	require.Greater(t, r.MinRate(now), mempool.Rate(1000))
}

// Whatever families are offered in whatever order, alone or together, the sums of
// the pool are those of a pool to which all that is in it is offered anew.
func TestPackagesLeaveAConsistentPool(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 3))
		r := newRig(t, nil)
		for range 60 {
			parent := pay(coin, int64(rng.IntN(3))*rng.Int64N(2000), fund(byte(rng.IntN(12))))
			child := pay(coin-1000, rng.Int64N(30_000), out(parent, 0))
			if rng.IntN(3) == 0 {
				child = pay(2*coin-2000, rng.Int64N(30_000), out(parent, 0), fund(byte(rng.IntN(12))))
			}
			if rng.IntN(2) == 0 {
				_, _ = r.Accept(parent, r.tip(), mempool.Options{})
				_, _ = r.Accept(child, r.tip(), mempool.Options{})
			}
			_, err := r.acceptPackage(parent, child)
			var failed *mempool.PackageError
			require.True(t, err == nil || errors.As(err, &failed), "%v", err)
		}
		again := newRig(t, func(cfg *mempool.Config) { cfg.MinRelay = 0 })
		entries, _ := r.Entries()
		for _, e := range entries {
			again.accept(e.Tx)
		}
		want, got := again.Figures(), r.Figures()
		want.Sequence, got.Sequence = 0, 0
		require.Equal(t, want, got)
	}
}

// In a package nobody takes the place of a TRUC sibling that is in the pool: who would
// is at fault, in the parent's name. Alone it may, if it pays for that.
func TestASiblingIsNotEvictedByAPackage(t *testing.T) {
	r := newRig(t, nil)
	parent := truc(payMany(coin, 10_000, 2, fund(0)))
	half := parent.TxOut[0].Value
	first, second := truc(pay(half, 10_000, out(parent, 0))), truc(pay(half, 5_000, out(parent, 1)))
	grandchild := truc(pay(half-5_000, 50_000, out(second, 0)))
	r.accept(parent)
	r.accept(first)
	r.refusePackage("TRUC-violation", second, second, grandchild)
	_, err := r.acceptPackage(second, grandchild)
	require.ErrorContains(t, err, "tx "+parent.ID.String()+" (wtxid="+parent.WitnessID.String()+") would exceed descendant count limit")

	_, err = r.Accept(second, r.tip(), mempool.Options{})
	require.ErrorContains(t, err, "insufficient fee (including sibling eviction), rejecting replacement "+second.ID.String()+", less fees than conflicting txs; 0.00005 < 0.0001")
	r.accept(truc(pay(half, 20_000, out(parent, 1))))
	require.Nil(t, r.Get(first.ID))
}

// Amounts in refusals have two decimals or more.
func TestReplacementForNothing(t *testing.T) {
	r := newRig(t, nil)
	r.accept(pay(coin, 10_000, fund(0)))
	_, err := r.Accept(change(pay(coin, 10_000, fund(0)), func(tx *wire.MsgTx) { tx.LockTime = 1 }), r.tip(), mempool.Options{})
	require.ErrorContains(t, err, "not enough additional fees to relay; 0.00 < 0.0000001")
}

// Dust that the child leaves is the package's fault and the child's.
func TestAPackageThatLeavesDust(t *testing.T) {
	r := newRig(t, nil)
	dusty := truc(change(pay(coin, 0, fund(0)), func(tx *wire.MsgTx) { tx.TxOut = append(tx.TxOut, wire.NewTxOut(0, anyone())) }))
	child := truc(pay(coin, 10_000, out(dusty, 0)))
	_, err := r.acceptPackage(dusty, child)
	var failed *mempool.PackageError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "unspent-dust", failed.Message)
	require.Same(t, child, failed.Tx)
}

// What enters untrimmed stays until Limit, which tells of all that has to leave.
func TestUntrimmed(t *testing.T) {
	r := newRig(t, func(cfg *mempool.Config) { cfg.MaxBytes = 1 })
	tx := pay(coin, 10_000, fund(0))
	_, err := r.Accept(tx, r.tip(), mempool.Options{Untrimmed: true})
	require.NoError(t, err)
	require.NotNil(t, r.Get(tx.ID))
	events := r.Pool.Limit(now)
	require.Nil(t, r.Get(tx.ID))
	require.Len(t, events, 2)
	require.Equal(t, mempool.BySizeLimit, events[0].(mempool.Removed).Reason)
	trimmed := events[1].(mempool.Trimmed)
	require.Equal(t, 1, trimmed.Count)
	require.Greater(t, trimmed.Rate, r.Config().MinRelay)
}

// A cluster is shown by chunks, and all clusters as one diagram.
func TestClustersAreShown(t *testing.T) {
	r := newRig(t, nil)
	parent, alone := payMany(coin, 200, 2, fund(0)), pay(coin, 1_000, fund(1))
	half := parent.TxOut[0].Value
	rich, poor := pay(half, 10_000, out(parent, 0)), pay(half, 200, out(parent, 1))
	for _, tx := range []*consensus.Tx{parent, alone, rich, poor} {
		r.accept(tx)
	}
	chunks, ok := r.Cluster(poor.ID)
	require.True(t, ok)
	require.Equal(t, []mempool.Chunk{
		{Txids: []chainhash.Hash{parent.ID, rich.ID}, Fee: 10_200, Weight: int64(parent.Weight() + rich.Weight())},
		{Txids: []chainhash.Hash{poor.ID}, Fee: 200, Weight: int64(poor.Weight())},
	}, chunks)
	require.Equal(t, []mempool.Chunk{
		{Fee: 10_200, Weight: chunks[0].Weight}, {Fee: 1_000, Weight: int64(alone.Weight())}, {Fee: 200, Weight: chunks[1].Weight},
	}, r.Diagram())
	_, ok = r.Cluster(chainhash.Hash{9})
	require.False(t, ok)
}

// The most that a user wants to pay is a fee for one transaction, rounded up, and a rate
// for those of a package, where a priority counts.
func TestTheMostThatAUserWantsToPay(t *testing.T) {
	r := newRig(t, nil)
	tx := pay(coin, 10_000, fund(0))
	size := int64(tx.Weight()+3) / 4
	most := mempool.Rate(10_000 * 1000 / size) // rounded down: below the rate, and for the fee enough
	require.Less(t, int64(most)*size, int64(10_000*1000), "the test needs a size that leaves a rest")
	_, err := r.Accept(tx, r.tip(), mempool.Options{MaxRate: most, OfPackage: true})
	require.ErrorContains(t, err, mempool.MaxRateReason)
	_, err = r.Accept(tx, r.tip(), mempool.Options{MaxRate: most + 1, OfPackage: true})
	require.NoError(t, err)
	other := pay(coin, 10_000, fund(1))
	r.Prioritise(other.ID, 5000)
	_, err = r.Accept(other, r.tip(), mempool.Options{MaxRate: most + 1, OfPackage: true})
	require.ErrorContains(t, err, mempool.MaxRateReason)
	_, err = r.Accept(other, r.tip(), mempool.Options{MaxRate: most})
	require.NoError(t, err)
}
