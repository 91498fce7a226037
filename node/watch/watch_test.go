package watch

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

const (
	wallet1 = "wallet.1"
	wallet2 = "wallet.2"
)

var mine, other = []byte("mine"), []byte("other")

// payment makes a transaction; no two are the same.
func payment(n uint32, script []byte, padding int) *consensus.Tx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{1}, Index: n}, make([]byte, padding), nil))
	tx.AddTxOut(wire.NewTxOut(1, script))
	return consensus.NewTx(tx)
}

// fakePool is a mempool.
type fakePool struct{ entries []*mempool.Entry }

func (p *fakePool) Entries() ([]*mempool.Entry, uint64) { return p.entries, 0 }

// Get finds nothing: no transaction of these tests spends another one.
func (p *fakePool) Get(chainhash.Hash) *mempool.Entry { return nil }

// heard is what was published.
type heard struct {
	instance string
	ev       msg.WatchedTxEvent
}

func newWatch(t *testing.T) (w *Watch, events *[]heard) {
	events = &[]heard{}
	w = New(func(instance string, ev msg.WatchedTxEvent) { *events = append(*events, heard{instance, ev}) })
	require.NoError(t, w.registry.add(wallet1, [][]byte{mine}))
	require.NoError(t, w.registry.add(wallet2, [][]byte{[]byte("theirs")}))
	return w, events
}

func TestWhoHearsOfATransactionHearsOfItsEnd(t *testing.T) {
	w, events := newWatch(t)
	received := &mempool.Entry{Tx: payment(1, mine, 0), Time: 5}
	spent := &mempool.Entry{Tx: payment(2, other, 0)}
	foreign := &mempool.Entry{Tx: payment(3, other, 0)}
	w.Added(mempool.Added{Entry: received})
	w.Added(mempool.Added{Entry: spent, Spent: []coins.Coin{{Script: mine}}})
	w.Added(mempool.Added{Entry: foreign})
	w.Removed(mempool.Removed{Entry: spent, Reason: mempool.ByBlock})
	w.Removed(mempool.Removed{Entry: foreign, Reason: mempool.ByBlock})
	w.Removed(mempool.Removed{Entry: spent, Reason: mempool.ByBlock})
	require.Len(t, *events, 3)
	for i, want := range []struct {
		e      *mempool.Entry
		added  bool
		reason string
	}{{received, true, ""}, {spent, true, ""}, {spent, false, "block"}} {
		got := (*events)[i]
		require.Equal(t, wallet1, got.instance)
		require.Equal(t, msg.WatchedTxEvent{
			Txid: want.e.Tx.ID, Added: want.added, Reason: want.reason, Time: want.e.Time, Seq: uint64(i + 1),
			Frames: bus.Frames{Attached: [][]byte{want.e.Tx.Raw()}},
		}, got.ev)
	}
	w.Gone(wallet1)
	w.Added(mempool.Added{Entry: &mempool.Entry{Tx: payment(4, mine, 0)}})
	require.Len(t, *events, 3)
}

func TestAnInstanceMayWatchSoMuch(t *testing.T) {
	r := newRegistry()
	r.maxScripts, r.maxBytes = 30, 260
	big := func(n, size int) [][]byte {
		scripts := make([][]byte, n)
		for i := range scripts {
			scripts[i] = fmt.Appendf(make([]byte, size), "%d", i)
		}
		return scripts
	}
	scripts := big(26, 9) // of 10 and 11 bytes
	require.NoError(t, r.add(wallet1, scripts[:24]))
	require.NoError(t, r.add(wallet1, scripts[:24]), "telling the same again costs nothing")
	require.ErrorIs(t, r.add(wallet1, scripts[24:]), bus.ErrOverloaded)
	require.False(t, r.relevant(wallet1, payment(1, scripts[25], 0), nil), "none was added")
	small := newRegistry()
	small.maxScripts = 30
	require.NoError(t, small.add(wallet1, big(30, 0)))
	require.NoError(t, small.add(wallet1, big(30, 0)))
	require.ErrorIs(t, small.add(wallet1, big(31, 0)), bus.ErrOverloaded)
	require.NoError(t, check(msg.WatchRequest{Scripts: big(100, 10)}))
	require.ErrorIs(t, check(msg.WatchRequest{Scripts: make([][]byte, msg.MaxWatchScripts+1)}), bus.ErrBadMessage)
	require.ErrorIs(t, check(msg.WatchRequest{Scripts: big(1, msg.MaxWatchBytes)}), bus.ErrBadMessage)
}

// fakeChain is one block.
type fakeChain struct {
	Chain
	block *consensus.Block
}

func (c *fakeChain) ReadBlock(*chain.BlockNode) (*consensus.Block, error) { return c.block, nil }

func (c *fakeChain) ReadUndo(*chain.BlockNode) (coins.Undo, error) {
	return make(coins.Undo, len(c.block.Txs)-1), nil
}

// scanBlock returns the items that a block of such transactions makes.
func scanBlock(t *testing.T, height, tip int32, quiet int, txs ...*consensus.Tx) (items []msg.ScanItem) {
	w, _ := newWatch(t)
	w.source.Chain = &fakeChain{block: &consensus.Block{Txs: txs}}
	s := scanner{watch: w, instance: wallet1, tip: tip, quiet: quiet, send: func(item msg.ScanItem) error {
		items = append(items, item)
		return nil
	}}
	require.NoError(t, s.block(&chain.BlockNode{Height: height}))
	return items
}

func TestABlockOfManyTransactionsTakesSeveralItems(t *testing.T) {
	var txs []*consensus.Tx
	for i := range uint32(2*msg.MaxItemTxs + 5) {
		txs = append(txs, payment(2*i, mine, 0), payment(2*i+1, other, 0))
	}
	items := scanBlock(t, 7, 9, 0, txs...)
	require.Len(t, items, 3)
	next := 0
	for i, item := range items {
		require.Equal(t, i < 2, item.Partial)
		require.EqualValues(t, 7, item.Height)
		require.Len(t, item.Indexes, len(item.Attached))
		require.LessOrEqual(t, len(item.Attached), msg.MaxItemTxs)
		for j, index := range item.Indexes {
			require.Equal(t, next, index)
			require.Equal(t, txs[index].Raw(), item.Attached[j])
			next += 2
		}
	}
	require.Equal(t, len(txs), next)
}

// TestAScanForWhoWatchesNothingFails: it would find nothing, and the wallet would
// take that for the truth.
func TestAScanForWhoWatchesNothingFails(t *testing.T) {
	w, _ := newWatch(t)
	w.source.Chain = &fakeChain{block: &consensus.Block{Txs: []*consensus.Tx{payment(1, mine, 0)}}}
	s := scanner{watch: w, instance: wallet1, tip: 9, send: func(msg.ScanItem) error { return nil }}
	require.NoError(t, s.block(&chain.BlockNode{Height: 7}))
	w.Gone(wallet1)
	var refused *bus.Error
	require.ErrorAs(t, s.block(&chain.BlockNode{Height: 8}), &refused)
	require.Equal(t, msg.KindNotWatching, refused.Kind)
}

func TestAnItemHasABoundInBytes(t *testing.T) {
	var txs []*consensus.Tx
	for i := range uint32(9) {
		txs = append(txs, payment(i, mine, msg.MaxItemBytes/4))
	}
	items := scanBlock(t, 7, 9, 0, txs...)
	require.Len(t, items, 3, "three fit, four would exceed it")
	for _, item := range items {
		size := 0
		for _, raw := range item.Attached {
			size += len(raw)
		}
		require.LessOrEqual(t, size, msg.MaxItemBytes)
	}
}

func TestBlocksWithoutRelevantTransactionsAreToldOfNowAndThen(t *testing.T) {
	foreign := payment(1, other, 0)
	require.Empty(t, scanBlock(t, 7, 9, 0, foreign))
	require.Len(t, scanBlock(t, 9, 9, 0, foreign), 1, "the tip")
	require.Len(t, scanBlock(t, 7, 9, quietBlocks-1, foreign), 1)
}

// TestTheListOfTheMempool: what leaves while the list is made is not in it, or
// the wallet hears of its end; the wallet hears of what comes.
func TestTheListOfTheMempool(t *testing.T) {
	w, events := newWatch(t)
	pool := &fakePool{}
	for i := range uint32(3 * msg.MaxItemTxs) {
		pool.entries = append(pool.entries, &mempool.Entry{Tx: payment(i, mine, 0)}, &mempool.Entry{Tx: payment(1<<20+i, other, 0)})
	}
	left, late := pool.entries[0], &mempool.Entry{Tx: payment(1<<30, mine, 0)}
	looked := 0
	mux := bus.NewMux()
	w.Handle(mux, Source{
		Pool: pool,
		Coin: func(wire.OutPoint) (coins.Coin, bool, error) {
			if looked++; looked == 3 { // in the middle of the list
				w.Removed(mempool.Removed{Entry: left, Reason: mempool.ByExpiry})
				w.Removed(mempool.Removed{Entry: pool.entries[len(pool.entries)-2], Reason: mempool.ByExpiry})
				w.Added(mempool.Added{Entry: late})
			}
			return coins.Coin{}, false, nil
		},
		Frozen: func(_ context.Context, fn func() error) error { return fn() },
	})
	b := bustest.New(t)
	b.Conn(roles.Node, "node", mux)
	wallet, _ := b.Conn(roles.Wallet, wallet1, nil)
	items, err := msg.WatchedMempool.Open(t.Context(), wallet, bus.None{}, 4)
	require.NoError(t, err)
	defer items.Close()
	var list [][]byte
	for len(list) < 3*msg.MaxItemTxs-1 {
		item, err := items.Next(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, len(item.Attached), msg.MaxItemTxs)
		require.Zero(t, item.Seq, "of the events none is taken into account")
		list = append(list, item.Attached...)
	}
	_, err = items.Next(t.Context())
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, left.Tx.Raw(), list[0], "it was in the list already")
	require.NotContains(t, list, pool.entries[len(pool.entries)-2].Tx.Raw())
	require.Len(t, *events, 2)
	require.Equal(t, left.Tx.ID, (*events)[0].ev.Txid)
	require.False(t, (*events)[0].ev.Added)
	require.Equal(t, late.Tx.ID, (*events)[1].ev.Txid)

	// It can be made again, once at a time.
	of, _, err := w.registry.beginList(wallet1, nil)
	require.NoError(t, err)
	_, _, err = w.registry.beginList(wallet1, nil)
	require.ErrorIs(t, err, bus.ErrOverloaded)
	w.registry.endList(of)
	of, seq, err := w.registry.beginList(wallet1, nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, seq)
	w.registry.endList(of)
}
