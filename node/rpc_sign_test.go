package node_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// The private keys 1, 2 and 3 of regtest, and their public keys.
const (
	wif1, public1 = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA", "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	wif2, public2 = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87K7XCyj5v", "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
	wif3, public3 = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87KcLPVfXz", "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9"
)

type object = map[string]any

type signedReply struct {
	Hex      string `json:"hex"`
	Complete bool   `json:"complete"`
	Errors   []struct {
		TxID  string `json:"txid"`
		Vout  int    `json:"vout"`
		Error string `json:"error"`
	} `json:"errors"`
}

// multisigCoins mines mature coins that need two signatures, one an address type, and
// returns them as inputs, and as previous outputs with their scripts.
func multisigCoins(r *rig) (inputs, previous []any) {
	r.loaded()
	get[any](r, "setmocktime", regtestTime)
	for _, kind := range []string{"legacy", "p2sh-segwit", "bech32"} {
		made := get[map[string]string](r, "createmultisig", 2, []string{public1, public2, public3}, kind)
		blocks := get[[]string](r, "generatetoaddress", 1, made["address"])
		raw, err := r.call("getblock", blocks[0], 2)
		require.NoError(r.t, err)
		var block struct {
			Tx []struct {
				TxID string `json:"txid"`
				Vout []struct {
					Value  json.Number `json:"value"`
					Script struct {
						Hex string `json:"hex"`
					} `json:"scriptPubKey"`
				} `json:"vout"`
			} `json:"tx"`
		}
		require.NoError(r.t, json.Unmarshal(raw, &block))
		coinbase := block.Tx[0]
		inputs = append(inputs, object{"txid": coinbase.TxID, "vout": 0})
		previous = append(previous, object{
			"txid": coinbase.TxID, "vout": 0, "scriptPubKey": coinbase.Vout[0].Script.Hex,
			"amount": coinbase.Vout[0].Value, "redeemScript": made["redeemScript"],
		})
	}
	get[[]string](r, "generatetoaddress", 100, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")
	return inputs, previous
}

func TestRawTransactionsAreSignedByMany(t *testing.T) {
	r := newRig(t, "regtest", nil)
	inputs, previous := multisigCoins(r)
	raw := get[string](r, "createrawtransaction", inputs, object{"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080": 149.99})
	unsigned := get[signedReply](r, "signrawtransactionwithkey", raw, []string{}, previous)
	require.False(t, unsigned.Complete)
	require.Len(t, unsigned.Errors, len(inputs))
	half := func(key string) string {
		reply := get[signedReply](r, "signrawtransactionwithkey", raw, []string{key}, previous)
		require.False(t, reply.Complete)
		require.Equal(t, "CHECK(MULTI)SIG failing with non-zero signature (possibly need more signatures)", reply.Errors[2].Error)
		return reply.Hex
	}
	first, third := half(wif1), half(wif3)
	full := get[string](r, "combinerawtransaction", []string{first, third})
	require.Equal(t, full, get[signedReply](r, "signrawtransactionwithkey", first, []string{wif3}, previous).Hex, "one after the other is the same")
	txid := get[string](r, "sendrawtransaction", full)
	require.Equal(t, []string{txid}, get[[]string](r, "getrawmempool"))

	again := get[signedReply](r, "signrawtransactionwithkey", raw, []string{wif1, wif2}, previous)
	require.True(t, again.Complete)
	next := get[string](r, "createrawtransaction", []any{object{"txid": txid, "vout": 0}}, object{"data": "00"})
	reply := get[signedReply](r, "signrawtransactionwithkey", next, []string{wif1})
	require.True(t, reply.Complete, "an output of the mempool is found")
	r.refused(rpc.VerifyError, "Input not found or already spent", "combinerawtransaction", []string{lost(r), lost(r)})
	r.refused(rpc.InvalidParameter, "Transaction number 2 not compatible with first transaction", "combinerawtransaction", []string{raw, next})
	r.refused(rpc.DeserializationErr, "Missing transactions. At least two transactions required.", "combinerawtransaction", []string{raw})
	r.refused(rpc.DeserializationErr, "TX decode failed for tx 1. Make sure the tx has at least one input.", "combinerawtransaction", []string{raw, "00"})
	r.refused(rpc.InvalidAddressOrKey, "Invalid private key", "signrawtransactionwithkey", raw, []string{wif1[1:]})
	r.refused(rpc.InvalidParameter, "'all' is not a valid sighash parameter.", "signrawtransactionwithkey", raw, []string{}, nil, "all")
}

// lost is a transaction that spends what nobody has.
func lost(r *rig) string {
	return get[string](r, "createrawtransaction", []any{object{"txid": "0101010101010101010101010101010101010101010101010101010101010101", "vout": 0}}, object{"data": "00"})
}

func TestPreviousOutputsHaveToFit(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded()
	const witness = "0014751e76e8199196d454941c45d1b3a323f1433bd6"
	raw := lost(r)
	of := func(change object) []any {
		out := object{"txid": "0101010101010101010101010101010101010101010101010101010101010101", "vout": 0, "scriptPubKey": witness, "amount": 1}
		for name, value := range change {
			out[name] = value
		}
		return []any{out}
	}
	for _, c := range []struct {
		change object
		code   rpc.Code
		text   string
	}{
		{object{"txid": nil}, rpc.TypeError, "Missing txid"},
		{object{"vout": "0"}, rpc.TypeError, "JSON value of type string for field vout is not of expected type number"},
		{object{"vout": -1}, rpc.DeserializationErr, "vout cannot be negative"},
		{object{"scriptPubKey": ""}, rpc.InvalidParameter, "scriptPubKey must be hexadecimal string (not '')"},
		{object{"amount": "00"}, rpc.TypeError, "Invalid amount"},
		{object{"scriptPubKey": "a914c95ef7c9117a56571c2ddc44e5fd8ba29d45989687"}, rpc.InvalidParameter, "Missing redeemScript/witnessScript"},
		{object{"scriptPubKey": "a914c95ef7c9117a56571c2ddc44e5fd8ba29d45989687", "redeemScript": "51"}, rpc.InvalidParameter, "redeemScript/witnessScript does not match scriptPubKey"},
		{object{"scriptPubKey": "a914c95ef7c9117a56571c2ddc44e5fd8ba29d45989687", "redeemScript": "51", "witnessScript": "52"}, rpc.InvalidParameter, "redeemScript does not correspond to witnessScript"},
	} {
		r.refused(c.code, c.text, "signrawtransactionwithkey", raw, []string{wif1}, of(c.change))
	}
	r.refused(rpc.DeserializationErr, `expected object with {"txid'","vout","scriptPubKey"}`, "signrawtransactionwithkey", raw, []string{wif1}, []any{5})
	r.refused(rpc.DeserializationErr, "Previous output scriptPubKey mismatch:\n0 751e76e8199196d454941c45d1b3a323f1433bd6\nvs:\n1",
		"signrawtransactionwithkey", raw, []string{wif1}, append(of(nil), of(object{"scriptPubKey": "51"})...))
	without := of(nil)
	delete(without[0].(object), "amount")
	r.refused(rpc.TypeError, "Missing amount for CTxOut(nValue=21000000.00000000, scriptPubKey=0014751e76e8199196d454941c45d1)",
		"signrawtransactionwithkey", raw, []string{wif1}, without)
	require.True(t, get[signedReply](r, "signrawtransactionwithkey", raw, []string{wif1}, of(nil)).Complete)
}

func TestTransactionsWithoutInputsAreDecoded(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded()
	raw := get[string](r, "createrawtransaction", []any{}, object{"data": "00"})
	for _, args := range [][]any{{raw}, {raw, false}, {raw, nil}} {
		require.Len(t, get[object](r, "decoderawtransaction", args...)["vout"], 1)
	}
	r.refused(rpc.DeserializationErr, "TX decode failed", "decoderawtransaction", raw, true)
}
