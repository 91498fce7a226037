package mempool_test

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// try returns which transaction of a package was refused, -1 for all of it, and why.
func (r *rig) try(txs ...*consensus.Tx) (at int, why string) {
	r.t.Helper()
	before := r.Figures()
	pkg, err := r.TryPackage(txs, r.tip())
	require.Equal(r.t, before, r.Figures())
	var failed *mempool.PackageError
	if !errors.As(err, &failed) {
		require.NoError(r.t, err)
		require.Len(r.t, pkg.Members(), len(txs))
		return 0, ""
	}
	for i, tx := range txs {
		if tx == failed.Tx {
			return i, failed.Err.Error()
		}
	}
	return -1, failed.Err.Error()
}

func (r *rig) tryFails(at int, why string, txs ...*consensus.Tx) {
	r.t.Helper()
	got, text := r.try(txs...)
	require.Contains(r.t, text, why)
	require.Equal(r.t, at, got)
}

// Transactions are tried as if they came one after the other, each paying for itself.
func TestPackagesAreTried(t *testing.T) {
	r := newRig(t, func(cfg *mempool.Config) { cfg.ClusterCount = 4 })
	a, b := pay(coin, 10_000, fund(0)), pay(coin, 10_000, fund(1))
	child := pay(coin-20_000, 10_000, out(a, 0))
	_, why := r.try(a, b, child)
	require.Empty(t, why, "they need not have to do with each other")
	r.tryFails(1, "min relay fee not met", a, pay(coin, 0, fund(1)), child)
	r.tryFails(-1, "package-not-sorted", child, a)
	r.tryFails(-1, "package-contains-duplicates", a, a)

	old := pay(coin, 10_000, fund(2))
	r.accept(old)
	r.tryFails(0, "bip125-replacement-disallowed", pay(coin, 90_000, fund(2)), a)
	r.tryFails(1, "txn-already-in-mempool", a, old)

	// What would be one cluster, by the pool or among themselves.
	wide := pay(coin, 10_000, fund(3))
	wide = change(wide, func(tx *wire.MsgTx) {
		for range 4 {
			tx.TxOut = append(tx.TxOut, wire.NewTxOut(coin/10, anyone()))
		}
		tx.TxOut[0].Value /= 2
	})
	var spends []*consensus.Tx
	for i := range uint32(4) {
		spends = append(spends, pay(coin/10, 10_000, out(wide, i+1)))
	}
	r.tryFails(-1, "too-large-cluster", append([]*consensus.Tx{wide}, spends...)...)
	r.accept(wide)
	_, why = r.try(spends[:3]...)
	require.Empty(t, why)
	r.tryFails(-1, "too-large-cluster", spends...)
}

// A TRUC parent has one child, whoever brings it.
func TestTRUCPackagesAreTried(t *testing.T) {
	r := newRig(t, nil)
	parent := truc(change(pay(coin, 10_000, fund(0)), func(tx *wire.MsgTx) {
		tx.TxOut[0].Value /= 2
		tx.TxOut = append(tx.TxOut, wire.NewTxOut(coin/4, anyone()))
	}))
	first, second := truc(pay(coin/2-20_000, 10_000, out(parent, 0))), truc(pay(coin/4, 10_000, out(parent, 1)))
	_, why := r.try(parent, first)
	require.Empty(t, why)
	r.tryFails(-1, "TRUC-violation", parent, first, second)
	r.tryFails(-1, "TRUC-violation", parent, pay(coin/4, 10_000, out(parent, 1)))
	r.accept(parent)
	r.tryFails(-1, "TRUC-violation", first, second)
	r.accept(first)
	r.tryFails(0, "TRUC-violation", second, pay(coin, 10_000, fund(5)))
}
