package node_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

type utxoList struct {
	Height int32 `json:"chainHeight"`
	Tip    string
	Bitmap string
	Utxos  []struct {
		Height int32
		Value  float64
		Script map[string]any `json:"scriptPubKey"`
	}
}

func point(txid string, vout uint32) map[string]any {
	return map[string]any{"txid": txid, "vout": vout}
}

func TestWhatRESTAsksFor(t *testing.T) {
	r := newRig(t, "regtest", withIndexes)
	mined := get[[]string](r, "generatetodescriptor", 101, anyoneDesc)
	raw := spendFirstCoinbase(r, 10_000)
	spent := get[map[string]any](r, "decoderawtransaction", raw)["vin"].([]any)[0].(map[string]any)["txid"].(string)
	txid := get[string](r, "sendrawtransaction", raw)
	require.Equal(t, raw, get[string](r, "rest_tx", txid, false))
	require.NotContains(t, get[map[string]any](r, "rest_tx", txid), "blockhash")

	unspent := func(mempool bool) utxoList {
		return get[utxoList](r, "rest_utxos", []any{point(spent, 0), point(txid, 0), point(txid, 9)}, mempool)
	}
	list := unspent(false)
	require.Equal(t, "100", list.Bitmap)
	require.EqualValues(t, 101, list.Height)
	require.EqualValues(t, 50, list.Utxos[0].Value)
	list = unspent(true)
	require.Equal(t, "010", list.Bitmap)
	require.EqualValues(t, 1<<31-1, list.Utxos[0].Height)

	block := get[[]string](r, "generatetodescriptor", 1, anyoneDesc)[0]
	list = unspent(true)
	require.Equal(t, "010", list.Bitmap)
	require.EqualValues(t, 102, list.Utxos[0].Height)
	require.Equal(t, block, get[map[string]any](r, "rest_tx", txid, true)["blockhash"])
	r.requireOutputsInHex(txid)
	r.requireSpent(block, txid)
	r.requireHeaders(append(mined, block))
	r.requireParts(block)
	r.refused(rpc.InvalidAddressOrKey, "not found", "rest_tx", chainhash.Hash{5}.String())
	r.refused(rpc.InvalidParameter, "more than 15", "rest_utxos", make([]map[string]any, 16), true)
}

// requireOutputsInHex checks BIP64's form of one output that there is and eight that
// there are not.
func (r *rig) requireOutputsInHex(txid string) {
	script := get[utxoList](r, "rest_utxos", []any{point(txid, 0)}, false).Utxos[0].Script["hex"].(string)
	points := []any{}
	for range 8 {
		points = append(points, point(chainhash.Hash{7}.String(), 1<<32-1))
	}
	best, err := chainhash.NewHashFromStr(get[string](r, "getbestblockhash"))
	require.NoError(r.t, err)
	require.Equal(r.t, "66000000"+hex.EncodeToString(best[:])+"020001"+"01"+"00000000"+"66000000"+"f0ca052a01000000"+
		fmt.Sprintf("%02x", len(script)/2)+script, get[string](r, "rest_utxos", append(points, point(txid, 0)), false, false))
}

func (r *rig) requireSpent(block, txid string) {
	txs := get[map[string]any](r, "getblock", block, 3)["tx"].([]any)
	prevout := txs[1].(map[string]any)["vin"].([]any)[0].(map[string]any)["prevout"].(map[string]any)
	require.Equal(r.t, []any{[]any{}, []any{map[string]any{"value": prevout["value"], "scriptPubKey": prevout["scriptPubKey"]}}},
		get[any](r, "rest_spenttxouts", block))
	script := prevout["scriptPubKey"].(map[string]any)["hex"].(string)
	require.Equal(r.t, "020001"+"00f2052a01000000"+fmt.Sprintf("%02x", len(script)/2)+script, get[string](r, "rest_spenttxouts", block, false))
	genesis := get[string](r, "getblockhash", 0)
	require.Equal(r.t, []any{[]any{}}, get[any](r, "rest_spenttxouts", genesis))
	require.Equal(r.t, "0100", get[string](r, "rest_spenttxouts", genesis, false))
}

func (r *rig) requireHeaders(mined []string) {
	shown, raw, filters := []any{}, "", []string{}
	for _, hash := range mined[len(mined)-3:] {
		shown = append(shown, get[any](r, "getblockheader", hash))
		raw += get[string](r, "getblockheader", hash, false)
		filters = append(filters, get[map[string]string](r, "getblockfilter", hash)["header"])
	}
	first := mined[len(mined)-3]
	require.Equal(r.t, shown, get[[]any](r, "rest_headers", first, 3))
	require.Equal(r.t, raw, get[string](r, "rest_headers", first, 2000, false))
	require.Equal(r.t, shown[:1], get[[]any](r, "rest_headers", first, 1))
	require.Equal(r.t, filters, get[[]string](r, "rest_blockfilterheaders", first, 3))
	header, err := chainhash.NewHashFromStr(filters[0])
	require.NoError(r.t, err)
	require.Equal(r.t, hex.EncodeToString(header[:]), get[string](r, "rest_blockfilterheaders", first, 1, false))
	require.Equal(r.t, []any{}, get[any](r, "rest_headers", chainhash.Hash{5}.String(), 1))
	require.Equal(r.t, []any{}, get[any](r, "rest_blockfilterheaders", chainhash.Hash{5}.String(), 1))
	r.refused(rpc.InvalidParameter, "out of range", "rest_headers", first, 2001)
	r.refused(rpc.InvalidParameter, "out of range", "rest_blockfilterheaders", first, 0)
}

func (r *rig) requireParts(block string) {
	whole := get[string](r, "getblock", block, 0)
	size := len(whole) / 2
	require.Equal(r.t, whole, get[string](r, "rest_blockpart", block, 0, size))
	require.Equal(r.t, whole[6:20], get[string](r, "rest_blockpart", block, 3, 7))
	require.Equal(r.t, whole[2*size-2:], get[string](r, "rest_blockpart", block, size-1, 1))
	for _, part := range [][2]int{{0, 0}, {size, 0}, {size, 1}, {0, size + 1}, {1, size}, {-1, 1}, {1, -1}, {1 << 40, 1 << 40}} {
		r.refused(rpc.InvalidParameter, "Bad block part offset/size", "rest_blockpart", block, part[0], part[1])
	}
	r.refused(rpc.InvalidAddressOrKey, "Block not found", "rest_blockpart", chainhash.Hash{5}.String(), 0, 1)
}
