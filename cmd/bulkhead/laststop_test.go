package main_test

import (
	"maps"
	"slices"
	"syscall"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// TestNothingIsWrittenAfterAStop stops the ship in the middle of its download.
// When the started process is gone, so are all others, and the files stay what
// they are.
func TestNothingIsWrittenAfterAStop(t *testing.T) {
	rng := chaintest.Seeded(t)
	b := chaintest.NewBraid(t, rng, 200, 20_000)
	server := startBraidServer(t, b)
	for _, mode := range []string{"-multiprocess=1", "-multiprocess=0"} {
		k := &killing{
			node: newNode(t, "regtest", "-connect="+server.address(), "-listen=0", "-dbcache=4", "-disablewallet", "-p2pworkers=1", mode),
			rng:  rng, braid: b, server: server, how: map[string]int{}, seen: map[chainhash.Hash]bool{},
		}
		for name, stop := range map[string]func(){
			"stop":    func() { k.must("stop") },
			"SIGTERM": func() { require.NoError(t, k.cmd.Process.Signal(syscall.SIGTERM)) },
			"SIGINT":  func() { require.NoError(t, k.cmd.Process.Signal(syscall.SIGINT)) },
		} {
			for range 3 {
				k.start()
				k.work()
				k.pause(100)
				crew := k.crew()
				stop()
				k.awaitEnd()
				for pid, title := range crew {
					require.False(t, alive(pid), "%s outlives the ship after %s", title, name)
				}
				requireNothingConnectedAfterStop(t, k.node, name)
				files := chaintest.ImageOf(t, k.net)
				k.pause(300)
				after := chaintest.ImageOf(t, k.net)
				require.Equal(t, slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(after)))
				for path := range files {
					require.True(t, chaintest.Image{path: files[path]}.Equal(chaintest.Image{path: after[path]}), "%s changed after %s", path, name)
				}
			}
		}
		k.start("-noconnect")
		k.check()
		k.stop()
	}
}
