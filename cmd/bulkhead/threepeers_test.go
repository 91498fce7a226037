package main_test

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// peerAt returns the number of the connection to an address.
func (n *node) peerAt(address string) int {
	n.t.Helper()
	for _, peer := range n.must("getpeerinfo").([]any) {
		if info := peer.(map[string]any); info["addr"] == address {
			return int(info["id"].(float64))
		}
	}
	require.Fail(n.t, "no connection to "+address)
	return 0
}

// A sync from three real peers, of which one is killed, one is stopped and one is
// throttled, ends all the same, at the throttled one's pace.
func TestSyncFromPeersThatFail(t *testing.T) {
	const blocks = 3000
	slow, stopped, killed := startBtcd(t, "--v2transport"), startBtcd(t, "--v2transport"), startBtcd(t)
	slow.must("generate", blocks)
	tip := slow.must("getbestblockhash").(string)
	for _, other := range []*btcd{stopped, killed} {
		other.must("addnode", slow.p2p, "onetry")
		other.eventuallyTip(tip)
		other.must("node", "disconnect", slow.p2p)
	}
	n := startNode(t, "regtest", "-disablewallet", "-maxdownloadrate=100000", "-connect="+slow.p2p, "-connect="+stopped.p2p, "-connect="+killed.p2p)
	for _, b := range []*btcd{slow, stopped, killed} {
		n.eventually(b.p2p, func() error {
			if n.height() >= blocks {
				return nil
			}
			for _, peer := range n.must("getpeerinfo").([]any) {
				if info := peer.(map[string]any); info["addr"] == b.p2p && info["synced_headers"].(float64) > 0 {
					return nil
				}
			}
			return fmt.Errorf("it has told no headers")
		})
	}
	id := n.peerAt(slow.p2p)
	require.Less(t, n.height(), blocks/2, "the test comes too late")
	kill(t, killed.process.Process.Pid)
	require.NoError(t, syscall.Kill(stopped.process.Process.Pid, syscall.SIGSTOP))
	n.must("setthrottle", "peer", 50_000, nil, id)
	n.must("setthrottle", "total", 0)
	n.eventuallyTip(tip)
	require.Equal(t, id, n.peerAt(slow.p2p), "it is the same connection")
	n.stop()
}
