package rpc

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyReads(t *testing.T) {
	for _, command := range []string{"getblock", "listunspent", "waitfornewblock", "decodescript", "testmempoolaccept", "help", "rest_tx"} {
		require.True(t, OnlyReads(command), command)
	}
	for _, command := range []string{"", "stop", "sendrawtransaction", "getnewaddress", "getrawchangeaddress", "getblockfrompeer", "generatetoaddress", "scantxoutset", "setban"} {
		require.False(t, OnlyReads(command), command)
	}
}
