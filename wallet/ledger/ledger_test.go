package ledger_test

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

// Scripts of the test: "m..." is ours, "mc..." our change, all else foreign.
func mine(script []byte) (change, ok bool) {
	return len(script) > 1 && script[1] == 'c', len(script) > 0 && script[0] == 'm'
}

type out struct {
	script string
	value  int64
}

func tx(spends []wire.OutPoint, outs ...out) ledger.Tx {
	msg := wire.NewMsgTx(2)
	for i := range spends {
		msg.AddTxIn(wire.NewTxIn(&spends[i], nil, nil))
	}
	for _, o := range outs {
		msg.AddTxOut(wire.NewTxOut(o.value, []byte(o.script)))
	}
	return ledger.Tx{Msg: msg, Hash: msg.TxHash()}
}

func at(t ledger.Tx, height int32) ledger.Tx {
	t.Block = &ledger.Block{Height: height}
	return t
}

// put does what a wallet does with what it hears: the transaction is known,
// and its block or that it is in the mempool is noted.
func put(l *ledger.Ledger, t ledger.Tx) *ledger.Tx {
	entry := l.Add(t)
	if t.Block != nil {
		l.Confirm(entry, *t.Block)
	}
	if t.Pool == ledger.Inside {
		l.SetPool(entry, ledger.Inside)
	}
	return entry
}

func inMempool(t ledger.Tx) ledger.Tx {
	t.Pool = ledger.Inside
	return t
}

func point(t ledger.Tx, i uint32) wire.OutPoint { return wire.OutPoint{Hash: t.Hash, Index: i} }

var (
	foreign  = []wire.OutPoint{{Hash: chainhash.Hash{1}}}
	coinbase = []wire.OutPoint{{Index: wire.MaxPrevOutIndex}}
)

func TestReceiveSendConfirm(t *testing.T) {
	l := ledger.New(mine)
	l.SetTip(10)
	received := tx(foreign, out{"ma", 100})
	put(l, inMempool(received))
	require.Equal(t, ledger.Balances{Untrusted: 100}, l.Balances())
	put(l, at(received, 10))
	require.Equal(t, ledger.Balances{Trusted: 100}, l.Balances())

	sent := tx([]wire.OutPoint{point(received, 0)}, out{"x", 30}, out{"mc", 65})
	sent.Own = true
	entry := put(l, inMempool(sent))
	require.Equal(t, ledger.Balances{Trusted: 65}, l.Balances(), "our own change is trusted at once")
	require.Equal(t, ledger.Flow{Debit: 100, Credit: 65, Fee: 5, FeeKnown: true}, l.Flow(entry))
	require.Empty(t, l.Unsent(), "it is in the mempool")
	l.SetPool(entry, ledger.Outside)
	require.Len(t, l.Unsent(), 1)

	l.SetTip(12)
	put(l, at(sent, 11))
	require.EqualValues(t, 2, l.Confirmations(entry))
	require.Empty(t, l.Unsent())
	coins := l.Coins()
	require.Len(t, coins, 1)
	require.True(t, coins[0].Change)
}

func TestCoinbaseMatures(t *testing.T) {
	l := ledger.New(mine)
	put(l, at(tx(coinbase, out{"m", 50}), 1))
	l.SetTip(100)
	require.Equal(t, ledger.Balances{Immature: 50}, l.Balances())
	l.SetTip(101)
	require.Equal(t, ledger.Balances{Trusted: 50}, l.Balances())
}

func TestReorganisationTakesConfirmationsBack(t *testing.T) {
	l := ledger.New(mine)
	l.SetTip(20)
	received := tx(foreign, out{"m", 100})
	entry := put(l, at(received, 15))
	require.Len(t, l.Rewind(14), 1)
	require.Equal(t, ledger.Balances{Untrusted: 100}, l.Balances(), "the new branch may hold it")
	l.SetPool(entry, ledger.Outside)
	require.Equal(t, ledger.Balances{}, l.Balances())
	put(l, inMempool(received))
	require.Equal(t, ledger.Balances{Untrusted: 100}, l.Balances())
	put(l, at(received, 16))
	require.Empty(t, l.Rewind(16))
	require.Equal(t, ledger.Balances{Trusted: 100}, l.Balances())
}

func TestMempoolAndChainMayBeHeardInAnyOrder(t *testing.T) {
	for _, mempoolFirst := range []bool{true, false} {
		l := ledger.New(mine)
		l.SetTip(20)
		funds := put(l, at(tx(foreign, out{"m", 100}), 10))
		payment := tx([]wire.OutPoint{{Hash: funds.Hash}}, out{"x", 30}, out{"mc", 65})
		payment.Own = true
		entry := put(l, at(payment, 20))
		if mempoolFirst {
			l.SetPool(entry, ledger.Inside)
			l.Rewind(19)
		} else {
			l.Rewind(19)
			l.SetPool(entry, ledger.Inside)
		}
		require.Equal(t, ledger.Balances{Trusted: 65}, l.Balances(), "mempool first: %v", mempoolFirst)
		require.Len(t, l.Coins(), 1, "the spent coin is not among them")
	}
}

func TestConflictsAreDecidedByBlocks(t *testing.T) {
	l := ledger.New(mine)
	l.SetTip(20)
	funds := tx(foreign, out{"m", 100})
	put(l, at(funds, 15))
	ours := tx([]wire.OutPoint{point(funds, 0)}, out{"x", 40}, out{"mc", 50})
	ours.Own = true
	child := tx([]wire.OutPoint{point(ours, 1)}, out{"m", 45})
	rival := tx([]wire.OutPoint{point(funds, 0)}, out{"m", 80})
	entry, grandchild := put(l, inMempool(ours)), put(l, inMempool(child))
	l.SetPool(entry, ledger.Outside)
	l.SetPool(grandchild, ledger.Outside)
	require.Equal(t, ledger.Balances{}, l.Balances(), "a payment that has left the mempool may come back: its coin is not free")
	put(l, at(rival, 19))
	require.EqualValues(t, -2, l.Confirmations(entry))
	require.EqualValues(t, -2, l.Confirmations(grandchild), "what descends from it is as dead")
	require.Equal(t, []chainhash.Hash{rival.Hash}, l.Conflicts(entry))
	require.Empty(t, l.Unsent())
	require.Equal(t, ledger.Balances{Trusted: 80}, l.Balances())
	l.SetPool(entry, ledger.Inside)
	require.Equal(t, ledger.Balances{Trusted: 80}, l.Balances(), "of two facts that exclude each other, the block's holds")
	l.Rewind(18)
	l.SetPool(l.Get(rival.Hash), ledger.Outside)
	l.SetPool(grandchild, ledger.Inside)
	require.Equal(t, ledger.Balances{Trusted: 45}, l.Balances(), "without that block, the mempool decides")
}

func TestAReplacedPaymentFreesTheCoinsOfItsOwn(t *testing.T) {
	l := ledger.New(mine)
	l.SetTip(20)
	one, two := put(l, at(tx(foreign, out{"m", 100}), 10)), put(l, at(tx(foreign, out{"m", 7}), 11))
	first := tx([]wire.OutPoint{{Hash: one.Hash}, {Hash: two.Hash}}, out{"x", 105})
	first.Own = true
	entry := put(l, inMempool(first))
	require.Empty(t, l.Coins())
	put(l, inMempool(tx([]wire.OutPoint{{Hash: one.Hash}}, out{"x", 90})))
	l.SetPool(entry, ledger.Outside)
	require.Equal(t, ledger.Balances{Trusted: 7}, l.Balances())
	require.Empty(t, l.Unsent(), "it would replace its replacement, or fail to")
}

func TestADeadCoinbaseTakesWhatDescendsFromItAlong(t *testing.T) {
	l := ledger.New(mine)
	mined := put(l, at(tx(coinbase, out{"m", 50}), 1))
	l.SetTip(101)
	spent := tx([]wire.OutPoint{{Hash: mined.Hash}}, out{"x", 10}, out{"mc", 39})
	spent.Own = true
	put(l, inMempool(spent))
	require.Equal(t, ledger.Balances{Trusted: 39}, l.Balances())
	l.Rewind(0)
	l.SetTip(0)
	require.Equal(t, ledger.Balances{}, l.Balances())
	require.Empty(t, l.Unsent())
	l.Confirm(mined, ledger.Block{Height: 1})
	l.SetTip(101)
	require.Equal(t, ledger.Balances{Trusted: 39}, l.Balances())
}

func TestAbandoningFreesTheCoinsOfAPaymentAndItsDescendants(t *testing.T) {
	l := ledger.New(mine)
	l.SetTip(20)
	funds := put(l, at(tx(foreign, out{"m", 100}), 10))
	payment := tx([]wire.OutPoint{{Hash: funds.Hash}}, out{"x", 30}, out{"mc", 65})
	payment.Own = true
	entry := put(l, inMempool(payment))
	child := put(l, tx([]wire.OutPoint{{Hash: entry.Hash, Index: 1}}, out{"x", 60}))
	require.Empty(t, l.Abandon(entry), "it is in the mempool")
	l.SetPool(entry, ledger.Outside)
	require.Equal(t, []*ledger.Tx{entry, child}, l.Abandon(entry))
	require.Empty(t, l.Abandon(entry), "it is abandoned already")
	require.Empty(t, l.Unsent())
	require.Equal(t, ledger.Balances{Trusted: 100}, l.Balances())
	l.SetPool(entry, ledger.Inside)
	require.False(t, entry.Abandoned, "the mempool has it: it is not given up")
	require.Equal(t, ledger.Balances{Trusted: 65}, l.Balances())
}

func TestCoinbasesDoNotConflict(t *testing.T) {
	l := ledger.New(mine)
	for height := range int32(3000) {
		msg := tx(coinbase, out{"m", 50})
		msg.Msg.LockTime = uint32(height)
		msg.Hash = msg.Msg.TxHash()
		put(l, at(msg, height))
	}
	conflicts := 0
	for _, c := range l.All() {
		conflicts += len(l.Conflicts(c))
	}
	require.Zero(t, conflicts)
}

func TestUnsentPaymentsComeParentsFirst(t *testing.T) {
	l := ledger.New(mine)
	parent := put(l, at(tx(foreign, out{"m", 1000}), 1))
	var want []chainhash.Hash
	for range 50 {
		next := tx([]wire.OutPoint{{Hash: parent.Hash}}, out{"m", parent.Msg.TxOut[0].Value - 1})
		next.Own = true // all of the same second: their hashes would decide
		parent = put(l, next)
		want = append(want, parent.Hash)
	}
	var got []chainhash.Hash
	for _, p := range l.Unsent() {
		got = append(got, p.Hash)
	}
	require.Equal(t, want, got)
}

func TestForgetting(t *testing.T) {
	l := ledger.New(mine)
	l.SetTip(20)
	funds := put(l, at(tx(foreign, out{"m", 100}), 10))
	refused := put(l, tx([]wire.OutPoint{{Hash: funds.Hash}}, out{"m", 90}))
	require.Empty(t, l.Coins())
	l.Forget(refused.Hash)
	l.Forget(refused.Hash)
	require.Equal(t, ledger.Balances{Trusted: 100}, l.Balances())
	require.Equal(t, 1, l.Len())
}

func TestStrangersUnconfirmedChainIsNotTrusted(t *testing.T) {
	l := ledger.New(mine)
	received := tx(foreign, out{"m", 100})
	put(l, inMempool(received))
	onward := tx([]wire.OutPoint{point(received, 0)}, out{"mc", 90})
	onward.Own = true
	put(l, inMempool(onward))
	require.Equal(t, ledger.Balances{Untrusted: 90}, l.Balances())
}
