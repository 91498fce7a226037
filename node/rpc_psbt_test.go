package node_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node"
)

type processedReply struct {
	PSBT     string `json:"psbt"`
	Complete bool   `json:"complete"`
	Hex      string `json:"hex"`
}

func TestPSBTsFromCreationToTheMempool(t *testing.T) {
	for name, index := range map[string]bool{"with an index of transactions": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "regtest", func(cfg *node.Config) { cfg.TxIndex = index })
			inputs, _ := multisigCoins(r)
			if !index {
				inputs = inputs[1:] // a node has whole transactions of its mempool alone
			}
			multi := func(key1, key2, key3 string) []string {
				inner := "multi(2," + key1 + "," + key2 + "," + key3 + ")"
				return []string{"sh(" + inner + ")", "sh(wsh(" + inner + "))", "wsh(" + inner + ")"}
			}
			for _, version := range []int{0, 2} {
				sendPSBT(r, version, inputs, multi(public1, public2, public3), multi(wif1, public2, public3), multi(public1, public2, wif3))
			}
		})
	}
}

// sendPSBT has two sign, each with the descriptors of one key, what spends inputs.
func sendPSBT(r *rig, version int, inputs []any, public, first, second []string) {
	t := r.t
	pays := object{"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080": json.Number("99.99")}
	created := get[string](r, "createpsbt", inputs, pays, 0, true, 2, version)
	require.Equal(t, "updater", get[object](r, "analyzepsbt", created)["next"])
	updated := get[string](r, "utxoupdatepsbt", created, public)
	require.Equal(t, "signer", get[object](r, "analyzepsbt", updated)["next"])
	one := get[processedReply](r, "descriptorprocesspsbt", updated, first)
	two := get[processedReply](r, "descriptorprocesspsbt", updated, second, nil, false)
	require.False(t, one.Complete || two.Complete)
	require.False(t, get[processedReply](r, "finalizepsbt", one.PSBT).Complete)
	combined := get[string](r, "combinepsbt", []string{one.PSBT, two.PSBT})
	require.Equal(t, "finalizer", get[object](r, "analyzepsbt", combined)["next"])
	shown := get[object](r, "decodepsbt", combined)
	require.EqualValues(t, version, shown["psbt_version"])
	require.Len(t, shown["inputs"].([]any)[0].(object)["partial_signatures"], 2)
	final := get[processedReply](r, "finalizepsbt", combined, false)
	require.True(t, final.Complete)
	require.Equal(t, "extractor", get[object](r, "analyzepsbt", final.PSBT)["next"])
	extracted := get[processedReply](r, "finalizepsbt", final.PSBT)
	require.True(t, extracted.Complete)
	require.Empty(t, extracted.PSBT)
	alone := get[processedReply](r, "descriptorprocesspsbt", one.PSBT, second)
	require.Equal(t, extracted.Hex, alone.Hex, "one after the other is the same")

	accepted := get[[]object](r, "testmempoolaccept", []string{extracted.Hex}, 0)
	require.Equal(t, true, accepted[0]["allowed"], accepted[0])
	converted := get[string](r, "converttopsbt", extracted.Hex, true, true, version)
	require.Equal(t, created, converted, "without what was signed")
	r.refused(rpc.DeserializationErr, "Inputs must not have scriptSigs and scriptWitnesses", "converttopsbt", extracted.Hex)
	r.refused(rpc.DeserializationErr, "Specified sighash value does not match value stored in PSBT", "descriptorprocesspsbt", one.PSBT, second, "NONE")
}

func TestPSBTsThatDoNotFit(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded()
	create := func(txid string, more ...any) string {
		args := append([]any{[]any{object{"txid": txid, "vout": 1}}, object{"data": "00"}, 0, true, 2}, more...)
		return get[string](r, "createpsbt", args...)
	}
	const one, two = "0101010101010101010101010101010101010101010101010101010101010101", "0202020202020202020202020202020202020202020202020202020202020202"
	r.refused(rpc.InvalidParameter, "PSBTs not compatible (different transactions)", "combinepsbt", []string{create(one), create(two)})
	r.refused(rpc.InvalidParameter, "PSBTs not compatible (different transactions)", "combinepsbt", []string{create(one), create(one, 0)})
	r.refused(rpc.InvalidParameter, "Parameter 'txs' cannot be empty", "combinepsbt", []string{})
	r.refused(rpc.InvalidParameter, "At least two PSBTs are required to join PSBTs.", "joinpsbts", []string{create(one, 0)})
	r.refused(rpc.InvalidParameter, "joinpsbts only operates on version 0 PSBTs", "joinpsbts", []string{create(one, 0), create(two)})
	r.refused(rpc.InvalidParameter, "Input "+one+":1 exists in multiple PSBTs", "joinpsbts", []string{create(one, 0), create(one, 0)})
	joined := get[string](r, "joinpsbts", []string{create(one, 0), create(two, 0)})
	shown := get[object](r, "decodepsbt", joined)
	require.Len(t, shown["inputs"], 2)
	require.Len(t, shown["outputs"], 2)
	r.refused(rpc.InvalidParameter, "The PSBT version can only be 2 or 0", "createpsbt", []any{}, object{}, 0, true, 2, 1)
	for _, command := range []string{"decodepsbt", "analyzepsbt", "finalizepsbt", "utxoupdatepsbt"} {
		r.refused(rpc.DeserializationErr, "TX decode failed invalid base64", command, "cHNidP8B=")
		r.refused(rpc.DeserializationErr, "TX decode failed No unsigned transaction was provided: iostream error", command, "cHNidP8A")
	}
	r.refused(rpc.InvalidAddressOrKey, "Cannot derive script without private keys", "descriptorprocesspsbt", create(one),
		[]any{object{"desc": "wpkh(tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B/1h/*)", "range": 0}})
}
