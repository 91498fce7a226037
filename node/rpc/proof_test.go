package rpc_test

import (
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

func TestTransactionsAreProven(t *testing.T) {
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(102, 0)
	const coin = consensus.Coin
	first := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 50*coin)
	second := chaintest.Spend([]wire.OutPoint{{Hash: first.ID}}, 50*coin)
	tip := base.Next(first, second)
	c := newIndexedChain(t, tip)
	c.catchUp()
	ask := func(method, params string) string {
		t.Helper()
		answer, err := answerOf(t, c.table, method, params)
		require.NoError(t, err, params)
		return answer
	}
	block := tip.Hash.String()
	const headerBytes = 80
	for _, test := range []struct{ params, want string }{
		{`[["` + second.ID.String() + `"]]`, second.ID.String()}, // it has an unspent output
		{`[["` + first.ID.String() + `"]]`, first.ID.String()},   // the index knows it
		{`[["` + first.ID.String() + `","` + second.ID.String() + `"]]`, first.ID.String() + `","` + second.ID.String()},
		{`[["` + tip.Txs[0].ID.String() + `"],"` + block + `"]`, tip.Txs[0].ID.String()},
		{`{"blockhash":"` + block + `","txids":["` + first.ID.String() + `"]}`, first.ID.String()},
	} {
		proof := ask("gettxoutproof", test.params)
		require.Equal(t, `["`+test.want+`"]`, ask("verifytxoutproof", "["+proof+"]"))
		hash := headerBytes*2 + 12 // the digits of the first hash
		require.Equal(t, "[]", ask("verifytxoutproof", "["+proof[:hash]+"0000"+proof[hash+4:]+"]"), "another tree")
		_, err := answerOf(t, c.table, "verifytxoutproof", `["01`+proof[3:]+"]")
		require.Equal(t, rpc.Errorf(rpc.InvalidAddressOrKey, "Block not found in chain"), err, "another header")
	}
	unknown := strings.Repeat("01", 32)
	requireRefusals(t, c.table, []refusal{
		{"gettxoutproof", `[[]]`, rpc.InvalidParameter, "Parameter 'txids' cannot be empty"},
		{"gettxoutproof", `[["` + unknown + `","` + unknown + `"]]`, rpc.InvalidParameter, "Invalid parameter, duplicated txid: " + unknown},
		{"gettxoutproof", `[["01"]]`, rpc.InvalidParameter, "txid must be of length 64 (not 2, for '01')"},
		{"gettxoutproof", `[["` + unknown + `"]]`, rpc.InvalidAddressOrKey, "Transaction not yet in block"},
		{"gettxoutproof", `[["` + unknown + `"],"` + unknown + `"]`, rpc.InvalidAddressOrKey, "Block not found"},
		{"gettxoutproof", `[["` + unknown + `"],"` + block + `"]`, rpc.InvalidAddressOrKey, "Not all transactions found in specified or retrieved block"},
		{"verifytxoutproof", `[""]`, rpc.InvalidParameter, "proof must be hexadecimal string (not '')"},
		{"verifytxoutproof", `["00"]`, rpc.MiscError, "SpanReader::read(): end of data: iostream error"},
	})
}
