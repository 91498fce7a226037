package main_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"
)

// rest asks the REST interface.
func (n *node) rest(target string) (status int, body []byte) {
	n.t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/rest/%s", n.rpcPort, target))
	require.NoError(n.t, err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	require.NoError(n.t, err)
	return resp.StatusCode, body
}

// The whole way, from the setting to the block on disk. A whitelist keeps commands from
// users, and not those that REST is made of from it.
func TestRESTAndWhitelists(t *testing.T) {
	n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-rest", "-blockfilterindex", "-rpcwhitelist=__cookie__:getblockcount,generatetoaddress,stop")
	hash := n.must("generatetoaddress", 1, someAddress).([]any)[0].(string)
	_, err := n.call("getblock", hash)
	require.ErrorContains(t, err, "403")

	status, block := n.rest("block/" + hash + ".bin")
	require.Equal(t, 200, status)
	require.Equal(t, hash, chainhash.DoubleHashH(block[:80]).String())
	_, text := n.rest("block/" + hash + ".hex")
	require.Equal(t, hex.EncodeToString(block)+"\n", string(text))
	_, part := n.rest("blockpart/" + hash + ".bin?offset=4&size=32")
	require.Equal(t, block[4:36], part)

	var shown struct {
		Height int
		Tx     []struct{ TxID string }
	}
	_, text = n.rest("block/" + hash + ".json")
	require.NoError(t, json.Unmarshal(text, &shown))
	require.Equal(t, 1, shown.Height)
	status, text = n.rest("getutxos/" + shown.Tx[0].TxID + "-0.json")
	require.Equal(t, 200, status)
	require.Contains(t, string(text), `"bitmap":"1"`)
	status, _ = n.rest("blockfilter/basic/" + hash + ".bin")
	require.Equal(t, 200, status)
	status, text = n.rest("tx/" + shown.Tx[0].TxID + ".json")
	require.Equal(t, 404, status, "without -txindex")
	require.Equal(t, shown.Tx[0].TxID+" not found\r\n", string(text))
	n.stop()
}
