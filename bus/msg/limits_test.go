package msg_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// fullItem is n frames of bytes together.
func fullItem(n, bytes int) bus.Frames {
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = make([]byte, bytes/n)
	}
	return bus.Frames{Attached: frames}
}

func hash() (h chainhash.Hash) {
	for i := range h {
		h[i] = 0xff
	}
	return h
}

// TestTheWalletFamilyAtItsBounds sends every message of the family, filled to
// its stated bound, over links with the real limits, and a window full of the
// items.
func TestTheWalletFamilyAtItsBounds(t *testing.T) {
	const window = 16
	indexes := slices.Repeat([]int{math.MaxInt32}, msg.MaxItemTxs)
	items := []msg.ScanItem{
		{Hash: hash(), Height: math.MaxInt32, Time: math.MaxInt64, Indexes: indexes, Partial: true, TipHeight: math.MaxInt32, Frames: fullItem(msg.MaxItemTxs, msg.MaxItemBytes)},
		{Hash: hash(), Height: math.MaxInt32, Time: math.MaxInt64, Indexes: indexes[:1], TipHeight: math.MaxInt32, Frames: fullItem(1, msg.MaxItemBytes)},
	}
	list := []msg.WatchedMempoolItem{
		{Seq: math.MaxUint64, Frames: fullItem(msg.MaxItemTxs, msg.MaxItemBytes)},
		{Seq: math.MaxUint64, Frames: fullItem(1, msg.MaxItemBytes)},
	}
	var watched msg.WatchRequest
	var scanned msg.ScanRequest
	var broadcast msg.BroadcastRequest
	mux := bus.NewMux()
	msg.WatchScripts.Handle(mux, func(_ context.Context, req msg.WatchRequest) (bus.None, error) {
		watched = req
		return bus.None{}, nil
	})
	msg.ScanBlocks.Handle(mux, func(_ context.Context, req msg.ScanRequest, send func(msg.ScanItem) error) error {
		scanned = req
		return sendAll(slices.Repeat(items, window/2), send)
	})
	msg.WatchedMempool.Handle(mux, func(_ context.Context, _ bus.None, send func(msg.WatchedMempoolItem) error) error {
		return sendAll(slices.Repeat(list, window/2), send)
	})
	msg.BroadcastTx.Handle(mux, func(_ context.Context, req msg.BroadcastRequest) (bus.None, error) {
		broadcast = req
		return bus.None{}, nil
	})
	b := bustest.New(t)
	node, _ := b.Conn(roles.Node, "node", mux)
	wallet, _ := b.Conn(roles.Wallet, "wallet.w", nil)

	scripts := msg.WatchRequest{Scripts: fullItem(msg.MaxWatchScripts, msg.MaxWatchBytes).Attached}
	_, err := msg.WatchScripts.Call(t.Context(), wallet, scripts)
	require.NoError(t, err)
	require.Equal(t, scripts, watched)

	locator := msg.ScanRequest{Locator: slices.Repeat([]chainhash.Hash{hash()}, msg.MaxLocator)}
	scan, err := msg.ScanBlocks.Open(t.Context(), wallet, locator, window)
	require.NoError(t, err)
	receiveAll(t, scan, slices.Repeat(items, window/2))
	require.Equal(t, locator, scanned)

	mempool, err := msg.WatchedMempool.Open(t.Context(), wallet, bus.None{}, window)
	require.NoError(t, err)
	receiveAll(t, mempool, slices.Repeat(list, window/2))

	tx := msg.BroadcastRequest{MaxFeeRate: math.MaxInt64, Frames: fullItem(1, msg.MaxItemBytes)}
	_, err = msg.BroadcastTx.Call(t.Context(), wallet, tx)
	require.NoError(t, err)
	require.Equal(t, tx, broadcast)

	sub, err := wallet.Subscribe(t.Context(), msg.WatchedTx.Name()+"wallet.w")
	require.NoError(t, err)
	event := msg.WatchedTxEvent{Txid: hash(), Added: true, Reason: "sizelimit", Time: math.MaxInt64, Seq: math.MaxUint64, Frames: tx.Frames}
	require.NoError(t, msg.WatchedTx.PublishTo(t.Context(), node, "wallet.w", event))
	ev, err := sub.Next(t.Context())
	require.NoError(t, err)
	got, err := msg.WatchedTx.Decode(ev)
	require.NoError(t, err)
	require.Equal(t, event, got)
}

func sendAll[Item any](items []Item, send func(Item) error) error {
	for _, item := range items {
		if err := send(item); err != nil {
			return err
		}
	}
	return nil
}

func receiveAll[Item any](t *testing.T, stream *bus.Items[Item], want []Item) {
	t.Helper()
	defer stream.Close()
	for _, item := range want {
		got, err := stream.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, item, got)
	}
}
