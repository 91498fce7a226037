package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// post sends a body as it is and returns the status.
func (n *node) post(user, password, body string) int {
	n.t.Helper()
	req, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/", n.rpcPort), strings.NewReader(body))
	require.NoError(n.t, err)
	req.SetBasicAuth(user, password)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(n.t, err)
	require.NoError(n.t, resp.Body.Close())
	return resp.StatusCode
}

func TestBadRequestsGetTheRightError(t *testing.T) {
	n := startNode(t, "regtest", "-connect=0", "-disablewallet")
	user, password, err := n.credentials()
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, n.post(user, "wrong", `{"method":"getblockcount","id":1}`))
	raw, err := os.ReadFile(filepath.Join(n.net, "debug.log"))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(raw), "incorrect password attempt"))
	for body, status := range map[string]int{
		`{`:                            500,
		`{"method":"nope","id":1}`:     404,
		`{"method":5,"id":1}`:          400,
		strings.Repeat("[", 200_000):   500,
		`{"method":"stop","params":3}`: 400,
	} {
		require.Equal(t, status, n.post(user, password, body), body[:min(len(body), 40)])
	}
	require.Equal(t, "Method not found", n.refused(-32601, "nope"))
	require.Equal(t, "Method not found", n.refused(-32601, "getbalance"))
	require.Contains(t, n.refused(-3, "getblockhash", "one"), "JSON value of type string is not of expected type number")
	require.Equal(t, "Block height out of range", n.refused(-8, "getblockhash", 1000))
	require.Contains(t, n.refused(-8, "getblock", "zz"), "blockhash must be of length 64 (not 2, for 'zz')")
	require.Equal(t, "Block not found", n.refused(-5, "getblock", strings.Repeat("0", 64)))
	require.Contains(t, n.refused(-22, "sendrawtransaction", "00"), "TX decode failed")
	require.Equal(t, "Block decode failed", n.refused(-22, "submitblock", "00"))
	require.Contains(t, n.refused(-1, "getblock"), "getblock \"blockhash\"")
	require.Equal(t, "Node not found in connected nodes", n.refused(-29, "disconnectnode", "1.2.3.4:5"))
	n.stop()
}

func TestAFloodOfBadRequestsTakesNoMemory(t *testing.T) {
	n := startNode(t, "regtest", "-connect=0", "-disablewallet")
	user, password, err := n.credentials()
	require.NoError(t, err)
	junk := `{"method":"getblock","params":["` + strings.Repeat("f", 1<<20) + `"],"id":1}`
	flood := func() {
		for range 30 {
			require.Equal(t, 500, n.post(user, password, junk))
		}
	}
	flood()
	before := n.memory()
	for range 5 {
		flood()
	}
	for role, bytes := range n.memory() {
		require.Less(t, bytes, 1.5*before[role]+(32<<20), role)
	}
	n.stop()
}

// resident is the memory of the processes of a role, by pid.
func (n *node) resident(role string) map[float64]float64 {
	n.t.Helper()
	list := map[float64]float64{}
	for _, c := range n.must("getcompartments").([]any) {
		if entry := c.(map[string]any); entry["role"] == role {
			list[entry["pid"].(float64)] = entry["rss"].(float64)
		}
	}
	return list
}

// memory returns the resident bytes of each role.
func (n *node) memory() map[string]float64 {
	n.t.Helper()
	sum := map[string]float64{}
	for _, c := range n.must("getcompartments").([]any) {
		entry := c.(map[string]any)
		sum[entry["role"].(string)] += entry["rss"].(float64)
	}
	return sum
}
