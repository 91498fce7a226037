package main_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cutFor is how long the cable between the hosts is cut.
const cutFor = 10 * time.Second

// TestTwoHostsSurviveACutCable: the node is on host A; on host B a worker
// downloads blocks for it from a peer on a third host, which only B can reach.
func TestTwoHostsSurviveACutCable(t *testing.T) {
	a, b, c := newHost(t, "a"), newHost(t, "b"), newHost(t, "c")
	between := connect(t, a, b, "10.77.0")
	connect(t, b, c, "10.78.0")
	peer := startBlockServerOn(t, c, "10.78.0.2")
	_, err := a.dial(t.Context(), "tcp", peer)
	require.ErrorIs(t, err, syscall.ENETUNREACH, "host A has no way to the peer")

	const address = "tcp://10.77.0.1:8330"
	n := newNode(t, "main", mainnetArgs("-p2pworkers=0", "-ipcbind="+address, "-connect="+peer)...)
	n.host = a
	key := n.keygen("worker", "hostb")
	n.start()
	w := startPart(t, b, "worker", "-ipcconnect="+address, "-ipckey="+key, "-debug=net")

	n.eventually("part of the blocks", func() error {
		if height := n.height(); height < 1000 {
			return fmt.Errorf("height %d", height)
		}
		return nil
	})
	between.set("down")
	mended := time.After(cutFor)
	n.awaitLog("link of worker.hostb (10.77.0.2:", "ended", "silent")
	w.awaitLog("Lost the link to "+address, "silent")
	at := n.height()
	require.Less(t, at, 14131, "the cable was cut in the middle of the download")
	n.connected(0) // they went with the worker
	<-mended
	between.set("up")
	began := time.Now()
	n.awaitHeight(14131)
	t.Logf("cut at height %d; whole %d ms after the cable was mended", at, time.Since(began).Milliseconds())
	requireMainnetState(n)
	for log, text := range map[string]string{n.log(): "worker.hostb attached from 10.77.0.2:", w.log(): "Attached to the node at " + address} {
		require.Equal(t, 2, strings.Count(log, text), "once before and once after the cut")
	}
	w.stop(syscall.SIGTERM)
	n.stop()
}
