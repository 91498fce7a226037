package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cli runs the program's client for the node, with what it reads from standard input.
func (n *node) cli(stdin string, args ...string) (status int, stdout, stderr string) {
	n.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(n.t.Context(), bulkheadBinary, append([]string{"cli", "-datadir=" + n.dir, "-regtest", fmt.Sprintf("-rpcport=%d", n.rpcPort)}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		require.NoError(n.t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// says is cli that has to succeed.
func (n *node) says(args ...string) string {
	n.t.Helper()
	status, stdout, stderr := n.cli("", args...)
	require.Equal(n.t, 0, status, "%v: %s", args, stderr)
	require.Empty(n.t, stderr)
	return stdout
}

// startWithPeers runs a node and three that connect to it.
func startWithPeers(t *testing.T) *node {
	t.Helper()
	n := startNode(t, "regtest", "-p2pworkers=1")
	for range 3 {
		startNode(t, "regtest", "-listen=0", "-p2pworkers=1", "-disablewallet", fmt.Sprintf("-connect=127.0.0.1:%d", n.p2pPort))
	}
	n.eventually("three peers", func() error {
		peers := n.must("getpeerinfo").([]any)
		for _, p := range peers {
			if p.(map[string]any)["version"] == 0.0 {
				return errors.New("no handshake yet")
			}
		}
		if len(peers) != 3 {
			return fmt.Errorf("%d peers", len(peers))
		}
		return nil
	})
	return n
}

func TestTheClientOfTheCommandLine(t *testing.T) {
	n := startWithPeers(t)
	require.Equal(t, "0\n", n.says("getblockcount"))
	status, stdout, stderr := n.cli("0\n", "-stdin", "getblockhash")
	require.Equal(t, 0, status, stderr)
	require.Equal(t, n.tip()+"\n", stdout)
	require.Contains(t, n.says("-named", "getblockheader", n.tip(), "verbose=true"), "\"height\": 0,")
	requireOverviews(t, n)
	requireFaults(t, n)

	var mined struct{ Blocks []string }
	require.JSONEq(t, `{"name":"w"}`, n.says("createwallet", "w"))
	require.NoError(t, json.Unmarshal([]byte(n.says("-generate", "2")), &mined))
	require.Len(t, mined.Blocks, 2)
	require.Equal(t, n.tip(), mined.Blocks[1])
	require.Equal(t, "0.00000000\n", n.says("getbalance"))
}

// requireOverviews looks at what is shown of a node with three inbound peers.
func requireOverviews(t *testing.T, n *node) {
	t.Helper()
	info := n.says("-getinfo", "-color=never")
	for _, line := range []string{"Chain: regtest", "Blocks: 0", "Network: in 3, out 0, total 3", "Proxies: n/a"} {
		require.Contains(t, info, line+"\n")
	}
	lines := strings.Split(n.says("-netinfo", "4"), "\n")
	require.Regexp(t, `^Bulkhead client .* regtest - server \d+/Satoshi:.*/ - services nwl2$`, lines[0])
	require.Regexp(t, `^<->   type   net +serv  v  mping .* id address +version$`, lines[2])
	for _, line := range lines[3:6] {
		require.Regexp(t, `^ in          npr +nwl2  2 .* 127\.0\.0\.1:\d+ +\d+/Satoshi:.*/$`, line)
	}
	require.Contains(t, n.says("-netinfo"), "\ntotal       0       0       3       3\n")
	require.Contains(t, n.says("-addrinfo"), "\"addresses_known\": {\n")
}

// requireFaults looks at what fails on a node without a wallet.
func requireFaults(t *testing.T, n *node) {
	t.Helper()
	for _, tc := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{"-generate"}, 18, "error code: -18\nerror message:\n"},
		{[]string{"getblockhash", "7"}, 8, "error code: -8\nerror message:\nBlock height out of range\n"},
		{[]string{"getblockhash", "x"}, 1, "error: Error parsing JSON: x\n"},
		{[]string{"-rpcport=1", "getblockcount"}, 1, "error: Error while attempting to communicate with server 127.0.0.1:1 (Could not connect to the server)\n"},
		{[]string{"-rpcpassword=wrong", "getblockcount"}, 1, "error: Authorization failed: Incorrect rpcuser or rpcpassword were specified."},
	} {
		status, stdout, stderr := n.cli("", tc.args...)
		require.Equal(t, tc.status, status, "%v: %s", tc.args, stderr)
		require.Empty(t, stdout)
		require.True(t, strings.HasPrefix(stderr, tc.stderr), stderr)
	}
}

func TestAUnixSocketForClients(t *testing.T) {
	for _, mode := range []string{"-multiprocess=1", "-multiprocess=0"} {
		t.Run(mode, func(t *testing.T) {
			n := startNode(t, "regtest", mode, "-rpcbind=unix:rpc.sock", "-disablewallet", "-listen=0", "-p2pworkers=1")
			socket := "-rpcconnect=unix:rpc.sock"
			require.Equal(t, "0\n", n.says(socket, "getblockcount"))
			status, _, stderr := n.cli("", socket, "-rpcpassword=wrong", "getblockcount")
			require.Equal(t, 1, status)
			require.Contains(t, stderr, "Authorization failed")

			n.killShip()
			require.FileExists(t, filepath.Join(n.net, "rpc.sock"))
			n.start()
			require.Equal(t, "Bulkhead stopping\n", n.says(socket, "stop"))
			n.awaitEnd()
			require.NoFileExists(t, filepath.Join(n.net, "rpc.sock"))
		})
	}
}
