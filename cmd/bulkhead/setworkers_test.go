package main_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The number of worker processes changes under a node that runs: connections that were
// wanted are there again, and blocks arrive.
func TestWorkersChangeLive(t *testing.T) {
	b := startBtcd(t)
	n := startNode(t, "regtest", "-connect="+b.p2p, "-disablewallet")
	n.connected(1)
	workers := func(want int) {
		n.eventually("workers", func() error {
			if got := len(n.pids("worker")); got != want {
				return fmt.Errorf("%d workers instead of %d", got, want)
			}
			return nil
		})
	}
	height := 0
	syncs := func() {
		height++
		n.connected(1)
		b.must("generate", 1)
		n.awaitHeight(height)
	}
	workers(3) // the peer's, and two that wait
	syncs()
	n.must("setworkers", 2)
	workers(3) // the peer's lives on
	syncs()
	n.must("disconnectnode", b.p2p)
	workers(2)
	syncs()
	n.must("setworkers", "1")
	workers(1)
	syncs()
	peers := n.pids("peers")
	n.must("setworkers", "perpeer")
	workers(3)
	syncs()
	// A manager that is started again goes by the plan, not by the settings.
	n.must("setworkers", 1)
	kill(t, peers[0])
	n.eventually("a new manager", func() error {
		if now := n.pids("peers"); len(now) != 1 || now[0] == peers[0] {
			return fmt.Errorf("the managers are %v", now)
		}
		return nil
	})
	n.eventually("the old connection to end", func() error {
		_, err := n.call("disconnectnode", b.p2p)
		return err
	})
	workers(1)
	syncs()
	require.Equal(t, "Error: workers is neither \"perpeer\" nor a number from 0 to 1024", n.refused(-8, "setworkers", "many"))
	n.stop()
}
