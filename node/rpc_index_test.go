package node_test

import (
	"encoding/hex"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node"
)

func withIndexes(cfg *node.Config) {
	cfg.AcceptNonStandard = true
	cfg.TxIndex, cfg.FilterIndex, cfg.CoinStatsIndex, cfg.SpenderIndex = true, true, true, true
}

type indexStatus struct {
	Synced bool
	Height int `json:"best_block_height"`
}

// requireIndexes waits until all indexes are at a height.
func (r *rig) requireIndexes(height int) {
	r.t.Helper()
	r.until(func() bool {
		all := get[map[string]indexStatus](r, "getindexinfo")
		require.Len(r.t, all, 4)
		for _, status := range all {
			if status != (indexStatus{true, height}) {
				return false
			}
		}
		return true
	})
}

// requireSameSet compares what the index tells of the coins with the coins.
func (r *rig) requireSameSet() {
	r.t.Helper()
	indexed, counted := get[map[string]any](r, "gettxoutsetinfo", "muhash"), get[map[string]any](r, "gettxoutsetinfo", "muhash", nil, false)
	require.Contains(r.t, indexed, "block_info")
	require.NotContains(r.t, counted, "block_info")
	for _, name := range []string{"height", "bestblock", "txouts", "bogosize", "muhash", "total_amount"} {
		require.Equal(r.t, counted[name], indexed[name], name)
	}
	require.NotContains(r.t, get[map[string]any](r, "gettxoutsetinfo", "none"), "muhash")
	require.Contains(r.t, get[map[string]any](r, "gettxoutsetinfo"), "hash_serialized_3")
}

func TestIndexes(t *testing.T) {
	r := newRig(t, "regtest", withIndexes)
	get[[]string](r, "generatetodescriptor", 101, anyoneDesc)
	r.requireIndexes(101)
	r.requireSameSet()

	raw := spendFirstCoinbase(r, 10_000)
	txid := get[string](r, "sendrawtransaction", raw)
	output := map[string]any{"txid": get[map[string]any](r, "decoderawtransaction", raw)["vin"].([]any)[0].(map[string]any)["txid"], "vout": 0}
	block := get[[]string](r, "generatetodescriptor", 1, anyoneDesc)[0]
	require.Equal(t, raw, get[string](r, "getrawtransaction", txid))
	shown := get[map[string]any](r, "getrawtransaction", txid, 2)
	require.Equal(t, block, shown["blockhash"])
	require.EqualValues(t, 1, shown["confirmations"])
	require.EqualValues(t, 0.0001, shown["fee"])
	require.NotContains(t, shown, "in_active_chain")
	require.Equal(t, []map[string]any{{"txid": output["txid"], "vout": 0.0, "spendingtxid": txid, "spendingtx": raw, "blockhash": block}},
		get[[]map[string]any](r, "gettxspendingprevout", []any{output}, map[string]any{"return_spending_tx": true}))
	r.requireSameSet()
	r.refused(rpc.InvalidAddressOrKey, "No such mempool or blockchain transaction. Use gettransaction", "getrawtransaction", chainhash.Hash{5}.String())

	// The block leaves the chain: its filter stays, its transaction is pooled.
	filter := get[map[string]string](r, "getblockfilter", block)
	get[any](r, "invalidateblock", block)
	require.Equal(t, filter, get[map[string]string](r, "getblockfilter", block, "basic"))
	require.NotContains(t, get[map[string]any](r, "getrawtransaction", txid, 1), "blockhash")
	r.requireSameSet()
	other := get[[]string](r, "generatetoaddress", 1, address)[0]
	require.Equal(t, other, get[map[string]any](r, "getrawtransaction", txid, 1)["blockhash"])
	require.NotEqual(t, filter, get[map[string]string](r, "getblockfilter", other))
	r.requireSameSet()
	byHash, byHeight := get[any](r, "gettxoutsetinfo", "muhash", other), get[any](r, "gettxoutsetinfo", "muhash", 102)
	require.Equal(t, byHash, byHeight)
	require.NotEqual(t, byHash, get[any](r, "gettxoutsetinfo", "muhash", block))
	require.Equal(t, map[string]indexStatus{"txindex": {true, 102}}, get[map[string]indexStatus](r, "getindexinfo", "txindex"))

	r.stop()
	r.start()
	r.requireIndexes(102)
	require.Equal(t, byHash, get[any](r, "gettxoutsetinfo", "muhash", 102))
	require.Equal(t, filter, get[map[string]string](r, "getblockfilter", block))
}

func TestIndexRefusals(t *testing.T) {
	r := newRig(t, "regtest", withIndexes)
	best := get[[]string](r, "generatetodescriptor", 2, anyoneDesc)[1]
	r.refused(rpc.InvalidAddressOrKey, "Unknown filtertype", "getblockfilter", best, "extended")
	r.refused(rpc.InvalidAddressOrKey, "Block not found", "getblockfilter", chainhash.Hash{5}.String())
	r.refused(rpc.InvalidParameter, "hash_serialized_3 hash type cannot be queried for a specific block", "gettxoutsetinfo", "hash_serialized_3", 1)
	r.refused(rpc.InvalidParameter, "Cannot set use_index to false when querying for a specific block", "gettxoutsetinfo", "muhash", 1, false)
	r.refused(rpc.InvalidParameter, "Target block height 3 after current tip 2", "gettxoutsetinfo", "muhash", 3)
	r.refused(rpc.InvalidAddressOrKey, "Block not found", "gettxoutsetinfo", "muhash", chainhash.Hash{5}.String())
	require.Empty(t, get[map[string]indexStatus](r, "getindexinfo", "nonsense"))
	header, err := hex.DecodeString(get[string](r, "getblockheader", best, false))
	require.NoError(t, err)
	worker, _ := r.bus.Conn(roles.Worker, "worker.1", nil)
	reply, err := msg.Of(p2p.SubmitHeaders).Call(r.ctx, worker, p2p.SubmitHeadersRequest{Frames: bus.Frames{Attached: [][]byte{rivalOf(header)}}})
	require.NoError(t, err)
	r.refused(rpc.InvalidAddressOrKey, "Filter not found. Block was not connected to active chain.", "getblockfilter", reply.Last.String())

	r.stop()
	r.cfg.TxIndex, r.cfg.FilterIndex, r.cfg.CoinStatsIndex, r.cfg.SpenderIndex = false, false, false, false
	r.start()
	require.Empty(t, get[map[string]indexStatus](r, "getindexinfo"))
	r.refused(rpc.MiscError, "Index is not enabled for filtertype basic", "getblockfilter", best)
	r.refused(rpc.InvalidParameter, "Querying specific block heights requires coinstatsindex", "gettxoutsetinfo", "muhash", 1)
	r.refused(rpc.InvalidAddressOrKey, "Use -txindex or provide a block hash", "getrawtransaction", chainhash.Hash{5}.String())
	output := map[string]any{"txid": chainhash.Hash{5}.String(), "vout": 0}
	require.Equal(t, []map[string]any{{"txid": output["txid"], "vout": 0.0}}, get[[]map[string]any](r, "gettxspendingprevout", []any{output}))
	r.refused(rpc.MiscError, "txospenderindex is unavailable", "gettxspendingprevout", []any{output}, map[string]any{"mempool_only": false})
	for _, bad := range []struct{ text, fault string }{
		{"Missing vout", "vout"}, {"Missing txid", "txid"},
	} {
		partial := map[string]any{"txid": output["txid"], "vout": 0}
		delete(partial, bad.fault)
		r.refused(rpc.TypeError, bad.text, "gettxspendingprevout", []any{partial})
	}
}

func TestScanBlocks(t *testing.T) {
	r := newRig(t, "regtest", withIndexes)
	get[[]string](r, "generatetodescriptor", 101, anyoneDesc)
	others := get[[]string](r, "generatetoaddress", 3, address)
	get[string](r, "sendrawtransaction", spendFirstCoinbase(r, 10_000))
	spends := get[[]string](r, "generatetoaddress", 1, address)[0]
	type result struct {
		From   int      `json:"from_height"`
		To     int      `json:"to_height"`
		Blocks []string `json:"relevant_blocks"`
		All    bool     `json:"completed"`
	}
	scan := func(desc string, more ...any) result {
		return get[result](r, "scanblocks", append([]any{"start", []string{desc}}, more...)...)
	}
	paid := "addr(" + address + ")"
	require.Equal(t, result{0, 105, append(others, spends), true}, scan(paid))
	require.Equal(t, result{103, 104, others[1:], true}, scan(paid, 103, 104))
	require.Equal(t, result{102, 105, []string{spends}, true}, scan(anyoneDesc, 102, 105, "basic", map[string]any{"filter_false_positives": true}))
	require.Nil(t, get[any](r, "scanblocks", "status"))
	require.Equal(t, false, get[bool](r, "scanblocks", "abort"))
	r.refused(rpc.MiscError, "Invalid start_height", "scanblocks", "start", []string{paid}, 106)
	r.refused(rpc.MiscError, "Invalid stop_height", "scanblocks", "start", []string{paid}, 5, 4)
	r.refused(rpc.InvalidAddressOrKey, "Unknown filtertype", "scanblocks", "start", []string{paid}, 0, 4, "extended")
	r.refused(rpc.InvalidParameter, "Invalid action 'pause'", "scanblocks", "pause")
	r.refused(rpc.MiscError, "scanobjects argument is required", "scanblocks", "start")
}

// An index cannot begin where its blocks were deleted, but one that has them
// already goes on.
func TestIndexOfAPrunedChain(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) { cfg.FastPrune, cfg.PruneMiB, cfg.CoinStatsIndex = true, 1, true })
	get[[]string](r, "generatetoaddress", 800, address)
	r.until(func() bool {
		return get[map[string]indexStatus](r, "getindexinfo")["coinstatsindex"] == indexStatus{true, 800}
	})
	require.Positive(t, get[int](r, "pruneblockchain", 400))
	r.stop()
	r.start()
	get[any](r, "gettxoutsetinfo", "muhash", 2)
	get[[]string](r, "generatetoaddress", 1, address)
	r.requireSameSet()
	r.stop()

	r.cfg.FilterIndex = true
	_, err := r.refusal()
	require.ErrorContains(t, err, "basic block filter index best block of the index goes beyond pruned data")
}
