package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireNothingConnectedAfterStop checks the one rule for stopping: nothing is
// committed any more once a stop was taken in.
func requireNothingConnectedAfterStop(t *testing.T, n *node, how string) {
	t.Helper()
	log := n.log()
	at := strings.LastIndex(log, "Shutdown: requested by")
	require.NotEqual(t, -1, at)
	require.Zero(t, strings.Count(log[at:], "UpdateTip:"), "blocks were connected after %s", how)
}

// someAddress takes the coins of blocks that tests mine on regtest.
const someAddress = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

func (n *node) mine(count int) { n.must("generatetoaddress", count, someAddress) }

// TestLogRotation: at SIGHUP every process goes on in a new debug.log.
func TestLogRotation(t *testing.T) {
	for _, mode := range []string{"-multiprocess=1", "-multiprocess=0"} {
		n := startNode(t, "regtest", mode, "-debug=rpc", "-p2pworkers=1")
		path := filepath.Join(n.net, "debug.log")
		require.NoError(t, os.Rename(path, path+".1"))
		require.NoError(t, n.cmd.Process.Signal(syscall.SIGHUP))
		n.eventually("a new debug.log", func() error { _, err := os.Stat(path); return err })
		n.eventually("lines of all processes in it", func() error {
			n.mine(1)
			log := n.log()
			for _, line := range []string{"UpdateTip:", "ThreadRPCServer method=generatetoaddress"} {
				if !strings.Contains(log, line) {
					return fmt.Errorf("no %s", line)
				}
			}
			return nil
		})
		n.stop()
		require.Contains(t, n.log(), "Shutdown done")
	}
}

// TestStandardOutputWithoutAReader: what reads the log lines may end before the
// node.
func TestStandardOutputWithoutAReader(t *testing.T) {
	n := newNode(t, "regtest", "-printtoconsole")
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	n.stdout = writer
	n.launch()
	require.NoError(t, writer.Close())
	_, err = bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	n.awaitHeight(0)
	n.mine(3)
	require.Equal(t, 3, n.height())
	require.Zero(t, n.restarts())
	n.stop()
}

func (n *node) restarts() (sum int) {
	list, err := n.compartments()
	require.NoError(n.t, err)
	for _, c := range list {
		sum += c.Restarts
	}
	return sum
}

// TestAStopAnswersWhoWaits: who waits for a block is given the tip.
func TestAStopAnswersWhoWaits(t *testing.T) {
	n := startNode(t, "regtest")
	type answer struct {
		raw json.RawMessage
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		raw, err := n.call("waitfornewblock", 0)
		answered <- answer{raw, err}
	}()
	n.eventually("the call", func() error {
		raw, err := n.call("getrpcinfo")
		if err == nil && !strings.Contains(string(raw), "waitfornewblock") {
			err = fmt.Errorf("it has not arrived")
		}
		return err
	})
	n.stop()
	got := <-answered
	require.NoError(t, got.err)
	require.Contains(t, string(got.raw), `"height":0`)
}

// TestDataDirectoryGone: a node whose disk is taken away ends, and says why.
func TestDataDirectoryGone(t *testing.T) {
	for _, mode := range []string{"-multiprocess=1", "-multiprocess=0"} {
		for name, end := range map[string]func(*node){
			"SIGTERM":   func(n *node) { require.NoError(t, n.cmd.Process.Signal(syscall.SIGTERM)) },
			"by itself": func(*node) {},
		} {
			n := startNode(t, "regtest", mode)
			n.must("createwallet", "w")
			n.mine(3)
			require.NoError(t, os.RemoveAll(n.dir))
			end(n)
			n.awaitFailure()
			require.Contains(t, n.stderr.String(), "is gone", name+mode)
		}
	}
}

// awaitFailure waits for the end of a node that cannot go on.
func (n *node) awaitFailure() {
	n.t.Helper()
	select {
	case err := <-n.ended:
		n.ended <- err
		var exit *exec.ExitError
		require.ErrorAs(n.t, err, &exit)
		require.Equal(n.t, 1, exit.ExitCode())
	case <-time.After(patience):
		require.Fail(n.t, "the node does not end")
	}
}

// TestASecondSignalChangesNothing: the node ends in order all the same.
func TestASecondSignalChangesNothing(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	n := startNode(t, "regtest", "-shutdownnotify=read line < "+fifo)
	n.mine(1)
	require.NoError(t, n.cmd.Process.Signal(os.Interrupt))
	release, err := os.OpenFile(fifo, os.O_WRONLY, 0) // when the stop is under way
	require.NoError(t, err)
	require.NoError(t, n.cmd.Process.Signal(os.Interrupt))
	require.NoError(t, n.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, release.Close())
	n.awaitEnd()
	require.Contains(t, n.log(), "Shutdown done")
	requireNothingConnectedAfterStop(t, n, "SIGINT")
}

// TestSIGTERMToOneCompartmentIsItsDeath: it is started again, and the log says
// what happened.
func TestSIGTERMToOneCompartmentIsItsDeath(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=1")
	n.mine(2)
	for _, role := range []string{"node", "peers", "worker", "notify", "wallet", "gateway"} {
		before := n.pids(role)[0]
		require.NoError(t, syscall.Kill(before, syscall.SIGTERM))
		n.eventually("a new "+role, func() error {
			list, err := n.compartments()
			if err != nil {
				return err
			}
			for _, c := range list {
				if c.Role == role && c.Restarts == 1 && c.PID != before {
					return nil
				}
			}
			return fmt.Errorf("there is none")
		})
	}
	n.awaitHeight(2)
	require.Contains(t, n.log(), "ended by a SIGTERM that the supervisor did not send")
	n.stop()
}

// TestAStoppedProcessDoesNotHoldUpTheEnd: the supervisor lets it go on.
func TestAStoppedProcessDoesNotHoldUpTheEnd(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=1")
	n.mine(2)
	for _, role := range []string{"node", "peers", "worker", "notify", "wallet"} {
		require.NoError(t, syscall.Kill(n.pids(role)[0], syscall.SIGSTOP))
	}
	n.stop()
	require.NotContains(t, n.log(), "killing it")
	n.start()
	require.Equal(t, 2, n.height())
	n.stop()
}

// TestAStopInAQuickSync: thousands of blocks wait to be connected, and none is
// after the stop.
func TestAStopInAQuickSync(t *testing.T) {
	server := startBlockServer(t)
	for _, mode := range []string{"-multiprocess=1", "-multiprocess=0"} {
		for name, stop := range map[string]func(*node){
			"SIGTERM": func(n *node) { require.NoError(t, n.cmd.Process.Signal(syscall.SIGTERM)) },
			"stop":    func(n *node) { n.must("stop") },
		} {
			n := newNode(t, "main", mainnetArgs("-connect="+server, mode)...)
			n.start()
			n.eventually("blocks", func() error {
				if strings.Count(n.log(), "UpdateTip:") < 300 {
					return fmt.Errorf("there are none yet")
				}
				return nil
			})
			stop(n)
			n.awaitEnd()
			requireNothingConnectedAfterStop(t, n, name+mode)
			require.Less(t, strings.Count(n.log(), "UpdateTip:"), 14_000, "it was not in the middle of it")
		}
	}
}
