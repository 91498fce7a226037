package rpc_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

func TestActivityOfDescriptors(t *testing.T) {
	const coin = consensus.Coin
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(102, 0)
	first := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 49*coin, coin)
	tip := base.Next(first)
	c := newIndexedChain(t, tip)
	waiting := chaintest.Spend([]wire.OutPoint{{Hash: first.ID}}, 48*coin, coin-100_000)
	_, err := c.owner.ProcessTx(t.Context(), waiting, mempool.Options{})
	require.NoError(t, err)
	script, mined := hex.EncodeToString(first.TxOut[0].PkScript), hex.EncodeToString(base.Path()[0].Txs[0].TxOut[0].PkScript)
	ask := func(blocks, more string) string {
		t.Helper()
		answer, err := answerOf(t, c.table, "getdescriptoractivity", `[`+blocks+`, ["raw(`+script+`)", {"desc":"raw(`+mined+`)"}]`+more+`]`)
		require.NoError(t, err)
		return answer
	}
	block := `"` + tip.Hash.String() + `"`
	require.Equal(t, `{"activity":[]}`, ask(`[]`, `, false`))
	confirmed := ask(`[`+block+`,`+block+`]`, `, false`)
	require.Contains(t, confirmed, `"amount":49.00000000,"blockhash":`+block+`,"height":103,"txid":"`+first.ID.String()+`","vout":0,"output_spk":{`)
	require.Contains(t, confirmed, `"blockhash":`+block+`,"height":103,"spend_txid":"`+first.ID.String()+`","spend_vin":0,"prevout_txid":"`+base.Coinbase(1).Hash.String()+`","prevout_vout":0,"prevout_spk":{`)
	require.Equal(t, 1, strings.Count(confirmed, `"spend_txid":"`+first.ID.String()), "no block twice")
	both := ask(`[`+block+`]`, ``)
	unconfirmed := ask(`[]`, ``)
	require.Equal(t, strings.TrimSuffix(confirmed, `]}`)+`,`+strings.TrimPrefix(unconfirmed, `{"activity":[`), both)
	require.Contains(t, unconfirmed, `{"type":"spend","amount":49.00000000,"spend_txid":"`+waiting.ID.String()+`","spend_vin":0,"prevout_txid":"`+first.ID.String()+`","prevout_vout":0,`)
	require.Contains(t, unconfirmed, `{"type":"receive","amount":48.00000000,"txid":"`+waiting.ID.String()+`","vout":0,`)
	unknown := strings.Repeat("01", 32)
	requireRefusals(t, c.table, []refusal{
		{"getdescriptoractivity", `[["` + unknown + `"], []]`, rpc.InvalidAddressOrKey, "Block not found"},
		{"getdescriptoractivity", `[["01"], []]`, rpc.InvalidParameter, "blockhash must be of length 64 (not 2, for '01')"},
		{"getdescriptoractivity", `[[1], []]`, rpc.TypeError, "JSON value of type number is not of expected type string"},
		{"getdescriptoractivity", `[[], [5]]`, rpc.InvalidParameter, "Scan object needs to be either a string or an object"},
	})
}

func TestEchoAndSigners(t *testing.T) {
	table := pureTable(t)
	echoed, err := answerOf(t, table, "echoipc", `["Hello world"]`)
	require.NoError(t, err)
	require.Equal(t, `"Hello world"`, echoed)
	requireRefusals(t, table, []refusal{
		{"enumeratesigners", `[]`, rpc.MiscError, "Compiled without external signing support (required for external signing)"},
	})
}
