package main_test

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheDiallerMayDie: connections that there are do not notice, workers that wait for
// one get it from the next dialler, and so do those that share all.
func TestTheDiallerMayDie(t *testing.T) {
	for _, workers := range []string{"perpeer", "2"} {
		t.Run(workers, func(t *testing.T) {
			t.Parallel()
			first, second := startNode(t, "regtest", "-connect=0"), startNode(t, "regtest", "-connect=0")
			n := startNode(t, "regtest", "-p2pworkers="+workers, "-sandbox=require", "-debug=net", fmt.Sprintf("-addnode=127.0.0.1:%d", first.p2pPort))
			n.connected(1)
			peer := n.must("getpeerinfo").([]any)[0].(map[string]any)["id"]
			before := n.pids("dialler")[0]
			require.NoError(t, syscall.Kill(before, syscall.SIGSTOP))
			n.must("addnode", fmt.Sprintf("127.0.0.1:%d", second.p2pPort), "add")
			n.awaitLog("trying v2 connection (manual) to 127.0.0.1:" + fmt.Sprint(second.p2pPort))
			kill(t, before)
			n.connected(2)
			require.NotEqual(t, before, n.pids("dialler")[0])
			require.Equal(t, peer, n.must("getpeerinfo").([]any)[0].(map[string]any)["id"], "the first connection is the same")
			n.stop()
			require.NotContains(t, n.log(), "did not end in order")
			first.stop()
			second.stop()
		})
	}
}
