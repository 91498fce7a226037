package node_test

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

type packageReply struct {
	Message string `json:"package_msg"`
	Results map[string]struct {
		TxID  string `json:"txid"`
		Other string `json:"other-wtxid"`
		VSize int64  `json:"vsize"`
		Error string `json:"error"`
		Fees  *struct {
			Base     float64  `json:"base"`
			Rate     *float64 `json:"effective-feerate"`
			Includes []string `json:"effective-includes"`
		} `json:"fees"`
	} `json:"tx-results"`
	Replaced []string `json:"replaced-transactions"`
}

func hexes(txs ...*consensus.Tx) (texts []string) {
	for _, tx := range txs {
		texts = append(texts, hex.EncodeToString(tx.Raw()))
	}
	return texts
}

func TestSubmitPackage(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) { cfg.AcceptNonStandard = true })
	r.loaded()
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(105, 0)
	get[any](r, "setmocktime", base.Time()+1000)
	for _, s := range base.Path() {
		require.Nil(t, get[any](r, "submitblock", hex.EncodeToString(s.Raw)))
	}
	const coin = consensus.Coin
	first := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 50*coin-2, 1, 1)
	second := chaintest.Spend([]wire.OutPoint{base.Coinbase(2)}, 50*coin-2, 1, 1)
	good := chaintest.Spend([]wire.OutPoint{base.Coinbase(3)}, 50*coin-10_000-2, 1, 1)
	child := chaintest.Spend([]wire.OutPoint{{Hash: first.ID}, {Hash: second.ID}, {Hash: good.ID}}, 150*coin-30_000-2, 1, 1)

	const unknown = "0101010101010101010101010101010101010101010101010101010101010101"
	r.refused(rpc.VerifyError, "package topology disallowed. not child-with-parents or parents depend on each other.", "submitpackage", hexes(first, good))
	r.refused(rpc.InvalidParameter, "Array must contain between 1 and 25 transactions.", "submitpackage", []string{})
	r.refused(rpc.DeserializationErr, "TX decode failed: 00 Make sure the tx has at least one input.", "submitpackage", []string{"00"})

	reply := get[packageReply](r, "submitpackage", hexes(first))
	require.Equal(t, "transaction failed", reply.Message)
	require.Contains(t, reply.Results[first.WitnessID.String()].Error, "min relay fee not met")

	reply = get[packageReply](r, "submitpackage", hexes(first, second, good, child))
	require.Equal(t, "success", reply.Message)
	require.Len(t, reply.Results, 4)
	require.Empty(t, reply.Replaced)
	alone, together := reply.Results[good.WitnessID.String()], reply.Results[first.WitnessID.String()]
	require.Equal(t, []string{good.WitnessID.String()}, alone.Fees.Includes, "it pays for itself, and for nobody else")
	require.Equal(t, []string{first.WitnessID.String(), second.WitnessID.String(), child.WitnessID.String()}, together.Fees.Includes)
	require.Zero(t, together.Fees.Base)
	require.InDelta(t, 19_994.0/1e8*1000/float64(together.VSize+reply.Results[second.WitnessID.String()].VSize+reply.Results[child.WitnessID.String()].VSize), *together.Fees.Rate, 1e-8)
	require.Len(t, get[[]string](r, "getrawmempool"), 4)
	type cluster struct {
		Weight int `json:"clusterweight"`
		Count  int `json:"txcount"`
		Chunks []struct {
			Fee    float64  `json:"chunkfee"`
			Weight int      `json:"chunkweight"`
			Txs    []string `json:"txs"`
		} `json:"chunks"`
	}
	shown := get[cluster](r, "getmempoolcluster", first.ID.String())
	require.Equal(t, 4, shown.Count)
	require.Equal(t, first.Weight()+second.Weight()+good.Weight()+child.Weight(), shown.Weight)
	require.Equal(t, []string{good.ID.String()}, shown.Chunks[0].Txs, "it pays more than the child")
	require.Len(t, shown.Chunks, 2)
	require.InDelta(t, 0.0001, shown.Chunks[0].Fee, 1e-9)
	type point struct {
		Weight int     `json:"weight"`
		Fee    float64 `json:"fee"`
	}
	require.Equal(t, []point{{}, {good.Weight(), shown.Chunks[0].Fee}, {shown.Weight, 0.00029994}}, get[[]point](r, "getmempoolfeeratediagram"))
	r.refused(rpc.InvalidAddressOrKey, "Transaction not in mempool", "getmempoolcluster", unknown)

	again := get[packageReply](r, "submitpackage", hexes(good, child))
	require.Equal(t, "success", again.Message)
	require.Nil(t, again.Results[child.WitnessID.String()].Fees.Rate, "it was there")

	dear := chaintest.Spend([]wire.OutPoint{base.Coinbase(4)}, 50*coin-2, 1, 1)
	mistake := chaintest.Spend([]wire.OutPoint{{Hash: dear.ID}}, 10*coin, 1, 1) // 40 BTC of fee
	for _, rate := range [][]any{nil, {0.1}} {
		reply = get[packageReply](r, "submitpackage", append([]any{hexes(dear, mistake)}, rate...)...)
		require.Equal(t, "transaction failed", reply.Message)
		require.Equal(t, "max feerate exceeded", reply.Results[mistake.WitnessID.String()].Error)
		require.Len(t, get[[]string](r, "getrawmempool"), 4)
	}
	overpaid := chaintest.Spend([]wire.OutPoint{base.Coinbase(4)}, 10*coin, 1, 1)
	reply = get[packageReply](r, "submitpackage", hexes(overpaid))
	require.Equal(t, "max feerate exceeded", reply.Results[overpaid.WitnessID.String()].Error, "alone, too")

	richer := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 50*coin-1_000_000-2, 1, 1)
	reply = get[packageReply](r, "submitpackage", hexes(richer), 0)
	require.Equal(t, "success", reply.Message)
	require.ElementsMatch(t, []string{first.ID.String(), child.ID.String()}, reply.Replaced)

	parent := chaintest.Spend([]wire.OutPoint{base.Coinbase(4)}, 50*coin-2, 1, 1)
	both := chaintest.Spend([]wire.OutPoint{{Hash: parent.ID}, base.Coinbase(4)}, 50*coin-2, 1, 1)
	reply = get[packageReply](r, "submitpackage", hexes(parent, both))
	require.Equal(t, "conflict-in-package", reply.Message)
	require.Equal(t, "package-not-validated", reply.Results[both.WitnessID.String()].Error)
}

func TestCreateRawTransaction(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded()
	const txid, address = "0101010101010101010101010101010101010101010101010101010101010101", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
	input := func(more map[string]any) []any {
		in := map[string]any{"txid": txid, "vout": 1}
		for k, v := range more {
			in[k] = v
		}
		return []any{in}
	}
	decoded := func(args ...any) (tx struct {
		Version  int    `json:"version"`
		Locktime uint32 `json:"locktime"`
		Vin      []struct {
			Vout     uint32 `json:"vout"`
			Sequence uint32 `json:"sequence"`
		} `json:"vin"`
		Vout []struct {
			Value  float64 `json:"value"`
			Script struct {
				Asm     string `json:"asm"`
				Address string `json:"address"`
			} `json:"scriptPubKey"`
		} `json:"vout"`
	}) {
		raw, err := r.call("decoderawtransaction", get[string](r, "createrawtransaction", args...))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, &tx))
		return tx
	}
	tx := decoded(input(nil), []any{map[string]any{address: 0.5}, map[string]any{"data": "00ff"}})
	require.Equal(t, 2, tx.Version)
	require.EqualValues(t, 0xfffffffd, tx.Vin[0].Sequence)
	require.Equal(t, address, tx.Vout[0].Script.Address)
	require.Equal(t, 0.5, tx.Vout[0].Value)
	require.Contains(t, tx.Vout[1].Script.Asm, "OP_RETURN")
	tx = decoded(input(nil), map[string]any{address: "1"}, 7, false, 3)
	require.Equal(t, 3, tx.Version)
	require.EqualValues(t, 7, tx.Locktime)
	require.EqualValues(t, 0xfffffffe, tx.Vin[0].Sequence)
	require.EqualValues(t, 5, decoded(input(map[string]any{"sequence": 5}), map[string]any{}).Vin[0].Sequence)

	for _, tt := range []struct {
		code rpc.Code
		text string
		args []any
	}{
		{rpc.InvalidParameter, "txid must be of length 64 (not 3, for 'foo')", []any{input(map[string]any{"txid": "foo"}), []any{}}},
		{rpc.TypeError, "JSON value of type null is not of expected type string", []any{[]any{map[string]any{}}, []any{}}},
		{rpc.TypeError, "JSON value of type string is not of expected type object", []any{[]any{"foo"}, []any{}}},
		{rpc.InvalidParameter, "Invalid parameter, missing vout key", []any{input(map[string]any{"vout": "x"}), []any{}}},
		{rpc.InvalidParameter, "Invalid parameter, vout cannot be negative", []any{input(map[string]any{"vout": -1}), []any{}}},
		{rpc.InvalidParameter, "Invalid parameter, sequence number is out of range", []any{input(map[string]any{"sequence": -1}), []any{}}},
		{rpc.InvalidParameter, "Invalid parameter, sequence number is out of range", []any{input(map[string]any{"sequence": 1 << 32}), []any{}}},
		{rpc.InvalidParameter, "Invalid parameter, locktime out of range", []any{input(nil), []any{}, -1}},
		{rpc.InvalidParameter, "Invalid parameter, version out of range(1~3)", []any{input(nil), []any{}, 0, true, 4}},
		{rpc.InvalidAddressOrKey, "Invalid Bitcoin address: foo", []any{input(nil), map[string]any{"foo": 1}}},
		{rpc.TypeError, "Amount out of range", []any{input(nil), map[string]any{address: -1}}},
		{rpc.InvalidParameter, "Data must be hexadecimal string (not 'foo')", []any{input(nil), map[string]any{"data": "foo"}}},
		{rpc.InvalidParameter, "Invalid parameter, duplicated address: " + address, []any{input(nil), []any{map[string]any{address: 1}, map[string]any{address: 2}}}},
		{rpc.InvalidParameter, "Invalid parameter, duplicate key: data", []any{input(nil), []any{map[string]any{"data": "00"}, map[string]any{"data": "01"}}}},
		{rpc.InvalidParameter, "Invalid parameter, key-value pair must contain exactly one key", []any{input(nil), []any{map[string]any{"a": 1, "b": 2}}}},
		{rpc.InvalidParameter, "Invalid parameter, key-value pair not an object as expected", []any{input(nil), []any{1}}},
		{rpc.TypeError, "JSON value of type string is not of expected type array", []any{input(nil), "foo"}},
		{rpc.InvalidParameter, "Invalid parameter combination: Sequence number(s) contradict replaceable option", []any{input(map[string]any{"sequence": 0xffffffff}), []any{}, 0, true}},
	} {
		r.refused(tt.code, tt.text, "createrawtransaction", tt.args...)
	}
}

// What Bitcoin Core shows no more is shown to who asks for it.
func TestDeprecatedResults(t *testing.T) {
	wanted := newRig(t, "regtest", func(cfg *node.Config) { cfg.Deprecated = []string{"fullrbf", "warnings"} })
	for r, shown := range map[*rig]bool{wanted: true, newRig(t, "regtest", nil): false} {
		r.loaded()
		require.Equal(t, shown, get[map[string]any](r, "getmempoolinfo")["fullrbf"] == true)
		for _, method := range []string{"getblockchaininfo", "getmininginfo"} {
			_, text := get[map[string]any](r, method)["warnings"].(string)
			require.Equal(t, shown, text, method)
		}
	}
}
