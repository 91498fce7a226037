package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryWayToStopEndsInOrder(t *testing.T) {
	for name, stop := range map[string]func(*node){
		"SIGINT":  func(n *node) { require.NoError(n.t, n.cmd.Process.Signal(syscall.SIGINT)) },
		"SIGTERM": func(n *node) { require.NoError(n.t, n.cmd.Process.Signal(syscall.SIGTERM)) },
		"stop":    func(n *node) { require.Equal(n.t, "Bulkhead stopping", n.must("stop")) },
	} {
		for _, mode := range []string{"-multiprocess=1", "-multiprocess=0"} {
			t.Run(name+mode, func(t *testing.T) {
				n := startNode(t, "regtest", mode)
				list, err := n.compartments()
				require.NoError(t, err)
				roles := map[string]bool{}
				for _, c := range list {
					roles[c.Role] = true
					if mode == "-multiprocess=0" {
						require.Equal(t, n.cmd.Process.Pid, c.PID)
					}
				}
				for _, role := range []string{"supervisor", "node", "peers", "worker", "gateway", "notify", "wallet"} {
					require.True(t, roles[role], role)
				}
				stop(n)
				n.awaitEnd()
				for _, c := range list {
					require.False(t, alive(c.PID), "%s outlives the node", c.Instance)
				}
				_, err = net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", n.rpcPort), time.Second)
				require.Error(t, err)
				requireOnlyCoreFiles(t, n.net)
			})
		}
	}
}

// requireOnlyCoreFiles checks that nothing is left in a chain's directory
// that tools made for bitcoind would stumble over.
func requireOnlyCoreFiles(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() {
			require.Contains(t, []string{"blocks", "chainstate", "fees", "indexes", "wallets"}, e.Name())
			continue
		}
		require.True(t, e.Type().IsRegular(), e.Name())
		require.NotContains(t, []string{".cookie", "bitcoind.pid"}, e.Name())
	}
}

func TestKillingTheStartedProcessLeavesNoChild(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=3")
	list, err := n.compartments()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(list), 9)
	crew := n.crew()
	for _, c := range list {
		if c.PID != n.cmd.Process.Pid {
			require.Contains(t, crew, c.PID, c.Instance)
		}
	}
	n.killShip()
	n.start()
	n.stop()
}

func TestASecondStartIsRefused(t *testing.T) {
	n := startNode(t, "regtest")
	cookie, err := os.ReadFile(filepath.Join(n.net, ".cookie"))
	require.NoError(t, err)
	out, err := exec.Command(bulkheadBinary, n.args...).CombinedOutput()
	require.Error(t, err)
	require.Equal(t, fmt.Sprintf("Error: Cannot obtain a lock on directory %s. Bulkhead is probably already running.\n", n.net), string(out))
	unchanged, err := os.ReadFile(filepath.Join(n.net, ".cookie"))
	require.NoError(t, err)
	require.Equal(t, cookie, unchanged)
	n.stop()
}

func TestFaultsAtStart(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "file"), 0o700))
	for args, want := range map[string]string{
		"-nonexistentarg":                "Error: Error parsing command line arguments: Invalid parameter -nonexistentarg\n",
		"-datadir=" + dir + "/absent":    "Error: Specified data directory \"" + dir + "/absent\" does not exist.\n",
		"-chain=moon":                    "Error: Unknown chain moon.\n",
		"-natpmp":                        "Error: This version of Bulkhead does not support -natpmp.\n",
		"-prune=549":                     "Error: Prune configured below the minimum of 550 MiB.  Please use a higher number.\n",
		"-prune=550 -reindex-chainstate": "Error: Prune mode is incompatible with -reindex-chainstate. Use full -reindex instead.\n",
		"-regtest -bind=" + taken.Addr().String(): "Error: Unable to bind to " + taken.Addr().String() +
			" on this computer. Bulkhead is probably already running.\n",
		"-regtest -blockfilterindex=basic -blockfilterindex=extended": "Error: Unknown -blockfilterindex value extended.\n",
		"-regtest -p2pworkers=none":                                   "Error: -p2pworkers=none is neither \"perpeer\" nor a number from 0 to 1024\n",
		"-regtest -debug=zap":                                         "Error: Unsupported logging category -debug=zap.\n",
		"-signet -signetchallenge=abc":                                "Error: -signetchallenge must be hex, not 'abc'.\n",
		"-signet -signetchallenge=51 -signetchallenge=51":             "Error: -signetchallenge cannot be multiple values.\n",
		"-regtest -port=65536":                                        "Error: Invalid port specified in -port: '65536'\n",
		"-regtest -rpccookieperms=none":                               "Error: Unable to start HTTP server. See debug log for details.\n",
		"-regtest -bind=127.0.0.1:9 -whitebind=127.0.0.1:9": "Error: Duplicate binding configuration for address 127.0.0.1:9: " +
			"it is named twice among -bind, -bind=...=onion, -whitebind and -listenprofile.\n",
		"-regtest -uacomment=a(b)": "Error: User Agent comment (a(b)) contains unsafe characters.\n",
	} {
		cmd := exec.Command(bulkheadBinary, append([]string{"-datadir=" + dir, fmt.Sprintf("-rpcport=%d", freePort(t))}, strings.Fields(args)...)...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, args)
		require.Equal(t, 1, exit.ExitCode())
		require.Equal(t, want, stderr.String())
	}
}

func TestHelpAndVersion(t *testing.T) {
	out, err := exec.Command(bulkheadBinary, "-h").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "-zmqpubrawblock=<address>")
	out, err = exec.Command(bulkheadBinary, "-version").Output()
	require.NoError(t, err)
	require.Regexp(t, `^Bulkhead version \d+\.\d+\.\d+(-[0-9a-f]{12})?(-dirty)? bitcoind\n$`, string(out))
}

func TestEveryConnectionHasAProcessNamedAfterItsPeer(t *testing.T) {
	server := startBlockServer(t)
	n := startNode(t, "main", mainnetArgs("-connect="+server, "-p2pworkers=perpeer")...)
	n.eventually("title", func() error {
		for _, pid := range n.pids("worker") {
			raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err == nil && strings.Contains(string(raw), server) {
				return nil
			}
		}
		return fmt.Errorf("no worker's title names %s", server)
	})
	n.stop()
}

func TestStartIsQuick(t *testing.T) {
	n := newNode(t, "regtest")
	n.start()
	raw, err := os.ReadFile(filepath.Join(n.net, "debug.log"))
	require.NoError(t, err)
	require.Contains(t, string(raw), "All compartments are afloat after")
	n.stop()
}

func TestADamagedSettingsFileIsSaid(t *testing.T) {
	n := newNode(t, "regtest")
	require.NoError(t, os.MkdirAll(n.net, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(n.net, "settings.json"), []byte("{"), 0o600))
	out, err := exec.Command(bulkheadBinary, n.args...).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "Error: Settings file could not be read: ")
}
