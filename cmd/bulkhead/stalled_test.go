package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// stall stops the processes of a compartment as a debugger would.
func (n *node) stall(instance string) (pid int) {
	n.t.Helper()
	list, err := n.compartments()
	require.NoError(n.t, err)
	for _, c := range list {
		if c.Instance == instance {
			require.NoError(n.t, syscall.Kill(c.PID, syscall.SIGSTOP))
			return c.PID
		}
	}
	require.Fail(n.t, instance+" is not there")
	return 0
}

// crowd has many clients call a method and returns when the gateway has all of
// their calls; their errors come later.
func (n *node) crowd(method string, count int) <-chan error {
	n.t.Helper()
	ended := make(chan error, count)
	for range count {
		go func() {
			_, err := n.call(method)
			ended <- err
		}()
	}
	name := method[strings.LastIndex(method, "/")+1:]
	n.eventually("all calls", func() error {
		raw, err := n.call("getrpcinfo")
		if got := strings.Count(string(raw), `"`+name+`"`); err == nil && got < count {
			err = fmt.Errorf("there are %d of %s", got, name)
		}
		return err
	})
	return ended
}

// TestAStalledWalletHoldsUpNobodyElse: more clients wait for it than there are
// threads, and all that does not depend on it is answered. They are told in the
// end.
func TestAStalledWalletHoldsUpNobodyElse(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=1")
	n.must("createwallet", "a")
	n.must("createwallet", "b")
	n.mine(1)
	n.must("wallet:a/getbalance")
	pid := n.stall("wallet.a.")
	ended := n.crowd("wallet:a/getbalance", 16)
	require.Equal(t, 1, n.height())
	n.must("wallet:b/getbalance")
	n.must("getconnectioncount")
	n.must("uptime")
	for range 16 {
		var answered *rpcError
		require.ErrorAs(t, <-ended, &answered)
		require.Equal(t, -28, answered.Code)
		require.Contains(t, answered.Message, "wallet.a. has not answered for")
	}
	require.Equal(t, -28, refusalOf(n, "wallet:a/getbalance"), "at once, as it is known")
	require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
	n.eventually("the balance", func() error { _, err := n.call("wallet:a/getbalance"); return err })
	n.stop()
}

func refusalOf(n *node, method string) int {
	_, err := n.call(method)
	var answered *rpcError
	if !errors.As(err, &answered) {
		return 0
	}
	return answered.Code
}

// TestAStalledNodeCanBeAskedAboutAndStopped: what the supervisor and the gateway
// answer needs no other compartment.
func TestAStalledNodeCanBeAskedAboutAndStopped(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=1")
	n.mine(3)
	for _, instance := range []string{"node", "peers", "notify"} {
		n.stall(instance)
	}
	n.crowd("getblockcount", 16)
	n.crowd("getpeerinfo", 16)
	n.must("uptime")
	n.must("help")
	n.must("help", "getblock")
	require.Len(t, n.must("getcompartments"), 8)
	n.must("listwallets")
	n.stop()
	require.NotContains(t, n.log(), "killing it")
	n.start()
	require.Equal(t, 3, n.height())
	n.stop()
}

// TestAStopReleasesTheClientsOfAStalledWallet: its queue is full, and the stop
// takes a place in that of no other.
func TestAStopReleasesTheClientsOfAStalledWallet(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=1")
	n.must("createwallet", "a")
	n.must("wallet:a/getbalance") // the gateway has heard of it
	n.stall("wallet.a.")
	ended := n.crowd("wallet:a/getbalance", 80)
	user, password, err := n.credentials()
	require.NoError(t, err)
	body, err := json.Marshal(map[string]any{"method": "getbalance", "id": 1})
	require.NoError(t, err)
	req, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/wallet/a", n.rpcPort), strings.NewReader(string(body)))
	require.NoError(t, err)
	req.SetBasicAuth(user, password)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "16 are asked for and 64 wait")
	n.stop()
	for range 80 {
		<-ended
	}
}
