package node_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// The figures are those of Bitcoin Core for the same blocks. A filter's header
// commits to all filters before it (BIP157).
func TestIndexesOfMainnetAreLikeTheReference(t *testing.T) {
	r := newRig(t, "main", func(cfg *node.Config) {
		forMainnet(cfg)
		cfg.LoadBlock = []string{chaintest.MainnetFile(t)}
		cfg.FilterIndex, cfg.CoinStatsIndex = true, true
	})
	r.loaded()
	type filter struct{ Filter, Header string }
	for height, want := range map[int]filter{
		0:     {"017fa880", "02c2392180d0ce2b5b6f8b08d39a11ffe831c673311a3ecf77b97fc3f0303c9f"},
		170:   {"0357e49590040c79b0", "349eaecc8bb7793c9f3c28e78df6675ef904515e9a310e4532785aeb45526090"},
		9999:  {"011e4350", "3e81c18b74b82b24e89572eb75059a828d791b402b25c0d4ce1d97a1edc97f4c"},
		14131: {"0190bb90", "06a4094afbdbc53408a28026123d440b814eb688c4a0721f6e684b2f95de4e8d"},
	} {
		r.until(func() bool {
			_, err := r.call("getblockfilter", get[string](r, "getblockhash", height))
			return err == nil
		})
		require.Equal(t, want, get[filter](r, "getblockfilter", get[string](r, "getblockhash", height)))
	}
	r.until(func() bool { _, err := r.call("gettxoutsetinfo", "muhash", 9999); return err == nil })
	info := get[map[string]any](r, "gettxoutsetinfo", "muhash", 9999)
	require.Equal(t, "fa8bc3bb3e3fb84e219da85b381cf140df1ee29d044272a6cac86e4a75c25cd4", info["muhash"])
	require.InDelta(t, 9493, info["txouts"], 0)
	require.InDelta(t, 1109127, info["bogosize"], 0)
	require.InDelta(t, 499950, info["total_amount"], 0)
	require.InDelta(t, 50, info["total_unspendable_amount"], 0)
}
