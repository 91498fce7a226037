package main_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A service manager hears that the node is ready, alive, where it is, and when it stops
// (sd_notify(3)).
func TestTheServiceManagerHearsOfTheNode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "400000")
	hears := func(states ...string) {
		t.Helper()
		require.NoError(t, socket.SetReadDeadline(time.Now().Add(patience)))
		missing := map[string]bool{}
		for _, state := range states {
			missing[state] = true
		}
		for buffer := make([]byte, 4096); len(missing) > 0; {
			n, err := socket.Read(buffer)
			require.NoError(t, err, "waiting for %v", missing)
			for line := range strings.Lines(string(buffer[:n])) {
				delete(missing, strings.TrimSpace(line))
			}
		}
	}
	n := startNode(t, "regtest")
	hears("READY=1", "WATCHDOG=1")
	n.must("generatetoaddress", 3, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")
	hears("STATUS=At block 3", "WATCHDOG=1")
	n.stop()
	hears("STOPPING=1")
}
