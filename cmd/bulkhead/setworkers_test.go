package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
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
	// The new manager may connect to the peer before the old worker has come back.
	n.eventually("the old connection to end", func() error {
		got := n.pids("worker")
		if len(got) == 1 {
			return nil
		}
		_, err := n.call("disconnectnode", b.p2p)
		return errors.Join(fmt.Errorf("%d workers", len(got)), err)
	})
	syncs()
	require.Equal(t, "Error: workers is neither \"perpeer\" nor a number from 0 to 1024", n.refused(-8, "setworkers", "many"))
	n.stop()
}

// Who has connected to a process that is too many is not disturbed, whatever happens to
// the manager meanwhile; the process takes nobody else, and ends with its last peer.
func TestAWorkerLeavesWithItsLastPeer(t *testing.T) {
	n := startNode(t, "regtest", "-disablewallet", "-p2pworkers=1")
	nothing := map[chainhash.Hash]*wire.MsgBlock{}
	first := dialBlockPeer(n, nothing)
	old := n.pids("worker")[0]
	require.EqualValues(t, 1, n.object("setworkers", "perpeer")["leaving"])
	n.eventually("the worker to hear of it", func() error {
		log, err := os.ReadFile(filepath.Join(n.net, "debug.log"))
		if err == nil && !bytes.Contains(log, []byte("worker.1 takes no more connections, and ends with the last of 1")) {
			err = errors.New("it is not in the log")
		}
		return err
	})
	second := dialBlockPeer(n, nothing)
	require.True(t, first.sync())
	require.True(t, second.sync())
	n.eventually("a process of its own", func() error {
		if got := n.pids("worker"); len(got) != 4 {
			return fmt.Errorf("the workers are %v", got)
		}
		return nil
	})

	peers := n.pids("peers")
	kill(t, peers[0])
	n.eventually("a new manager", func() error {
		if now := n.pids("peers"); len(now) != 1 || now[0] == peers[0] {
			return fmt.Errorf("the managers are %v", now)
		}
		_, err := n.call("getpeerinfo")
		return err
	})
	n.connected(2)
	require.True(t, first.sync())
	require.EqualValues(t, 1, n.object("setworkers", 1)["leaving"], "the old one")
	require.Contains(t, n.pids("worker"), old)
	first.leave()
	n.eventually("the old process to end", func() error {
		if got := n.pids("worker"); slices.Contains(got, old) {
			return fmt.Errorf("the workers are %v", got)
		}
		return nil
	})
	require.True(t, second.sync())
	require.EqualValues(t, 0, n.object("setworkers", 1)["leaving"])
	n.stop()
}
