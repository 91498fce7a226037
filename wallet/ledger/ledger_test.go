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

func inMempool(t ledger.Tx) ledger.Tx {
	t.InMempool = true
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
	l.Put(inMempool(received))
	require.Equal(t, ledger.Balances{Untrusted: 100}, l.Balances())
	l.Put(at(received, 10))
	require.Equal(t, ledger.Balances{Trusted: 100}, l.Balances())

	sent := tx([]wire.OutPoint{point(received, 0)}, out{"x", 30}, out{"mc", 65})
	sent.Own = true
	entry := l.Put(inMempool(sent))
	require.Equal(t, ledger.Balances{Trusted: 65}, l.Balances(), "our own change is trusted at once")
	require.Equal(t, ledger.Flow{Debit: 100, Credit: 65, Fee: 5, FeeKnown: true}, l.Flow(entry))
	require.Len(t, l.Unconfirmed(), 1)

	l.SetTip(12)
	l.Put(at(sent, 11))
	require.EqualValues(t, 2, l.Confirmations(entry))
	require.Empty(t, l.Unconfirmed())
	coins := l.Coins()
	require.Len(t, coins, 1)
	require.True(t, coins[0].Change)
}

func TestCoinbaseMatures(t *testing.T) {
	l := ledger.New(mine)
	l.Put(at(tx(coinbase, out{"m", 50}), 1))
	l.SetTip(100)
	require.Equal(t, ledger.Balances{Immature: 50}, l.Balances())
	l.SetTip(101)
	require.Equal(t, ledger.Balances{Trusted: 50}, l.Balances())
}

func TestReorganisationTakesConfirmationsBack(t *testing.T) {
	l := ledger.New(mine)
	l.SetTip(20)
	received := tx(foreign, out{"m", 100})
	l.Put(at(received, 15))
	require.Len(t, l.Rewind(14), 1)
	require.Equal(t, ledger.Balances{}, l.Balances())
	l.Put(inMempool(received))
	require.Equal(t, ledger.Balances{Untrusted: 100}, l.Balances())
	l.Put(at(received, 16))
	require.Empty(t, l.Rewind(16))
	require.Equal(t, ledger.Balances{Trusted: 100}, l.Balances())
}

func TestConflictsAreDecidedByBlocks(t *testing.T) {
	l := ledger.New(mine)
	l.SetTip(20)
	funds := tx(foreign, out{"m", 100})
	l.Put(at(funds, 15))
	ours := tx([]wire.OutPoint{point(funds, 0)}, out{"x", 90})
	ours.Own = true
	rival := tx([]wire.OutPoint{point(funds, 0)}, out{"m", 80})
	entry := l.Put(inMempool(ours))
	l.LeaveMempool(ours.Hash)
	require.Equal(t, ledger.Balances{Trusted: 100}, l.Balances(), "a transaction that is nowhere spends nothing")
	l.Put(at(rival, 19))
	require.EqualValues(t, -2, l.Confirmations(entry))
	require.Equal(t, []chainhash.Hash{rival.Hash}, l.Conflicts(entry))
	require.Empty(t, l.Unconfirmed())
	require.Equal(t, ledger.Balances{Trusted: 80}, l.Balances())
}

func TestStrangersUnconfirmedChainIsNotTrusted(t *testing.T) {
	l := ledger.New(mine)
	received := tx(foreign, out{"m", 100})
	l.Put(inMempool(received))
	onward := tx([]wire.OutPoint{point(received, 0)}, out{"mc", 90})
	onward.Own = true
	l.Put(inMempool(onward))
	require.Equal(t, ledger.Balances{Untrusted: 90}, l.Balances())
}
