package main_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// awaitIndexes waits until all indexes are at a height.
func (n *node) awaitIndexes(height int) {
	n.t.Helper()
	n.eventually("indexes", func() error {
		all := n.object("getindexinfo")
		require.Len(n.t, all, 4)
		for name, status := range all {
			if s := status.(map[string]any); s["synced"] != true || s["best_block_height"] != float64(height) {
				return fmt.Errorf("%s: %v", name, s)
			}
		}
		return nil
	})
}

// What an index tells after its process was killed in mid-sync is what the
// coins tell.
func TestIndexesSurviveKills(t *testing.T) {
	server := startBlockServer(t)
	indexes := []string{"-txindex", "-coinstatsindex", "-blockfilterindex=basic", "-txospenderindex"}
	n := startNode(t, "main", mainnetArgs(append(indexes, "-connect="+server)...)...)
	for _, height := range []int{300, 4000, 9000} {
		killAt(n, height, "node")
	}
	n.eventually("the whole chain", func() error {
		raw, err := n.call("getblockcount")
		if err == nil && string(raw) != "14131" {
			err = fmt.Errorf("height %s", raw)
		}
		return err
	})
	n.awaitIndexes(14131)
	for _, height := range []any{nil, 14131} {
		require.Equal(t, n.object("gettxoutsetinfo", "muhash", nil, false)["muhash"], n.object("gettxoutsetinfo", "muhash", height)["muhash"])
	}
	// The first payment ever, in block 170, of the coinbase of block 9.
	const payment, coinbase = "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16", "0437cd7f8525ceed2324359c2d0ba26006d92d856a9c20fa0241106ee5a597c9"
	block := n.must("getblockhash", 170)
	require.Equal(t, block, n.object("getrawtransaction", payment, 1)["blockhash"])
	spent := n.must("gettxspendingprevout", []any{map[string]any{"txid": coinbase, "vout": 0}}).([]any)[0].(map[string]any)
	require.Equal(t, payment, spent["spendingtxid"])
	require.Equal(t, block, spent["blockhash"])

	// Filters made without a kill have the same headers.
	header := n.object("getblockfilter", n.tip())["header"]
	n.stop()
	calm := startNode(t, "main", mainnetArgs("-blockfilterindex", "-connect="+server)...)
	calm.awaitHeight(14131)
	calm.eventually("the filter of the tip", func() error {
		filter, err := calm.call("getblockfilter", calm.tip())
		if err == nil {
			require.Contains(t, string(filter), header)
		}
		return err
	})
	calm.stop()
}
