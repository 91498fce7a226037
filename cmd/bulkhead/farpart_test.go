package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// farPart is one part that runs for a node elsewhere.
type farPart struct {
	t     testing.TB
	cmd   *exec.Cmd
	ended chan error

	mu     sync.Mutex
	output bytes.Buffer
}

// Write takes what the part writes.
func (p *farPart) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(text)
}

func (p *farPart) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// startPart runs "bulkhead ROLE" on a host with a data directory of its own.
func startPart(t testing.TB, h host, role string, args ...string) *farPart {
	t.Helper()
	p := &farPart{t: t, ended: make(chan error, 1)}
	p.cmd = h.command(bulkheadBinary, append([]string{role, "-datadir=" + t.TempDir(), "-logtimemicros"}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, p.cmd.Start())
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		err := <-p.ended
		p.ended <- err
		if t.Failed() {
			t.Logf("%s:\n%s", role, p.log())
		}
	})
	return p
}

func (p *farPart) awaitLog(texts ...string) {
	p.t.Helper()
	eventually(p.t, "a line of the part", func() error { return hasLine(p.log(), texts...) })
}

// awaitEnd waits for the end and returns how it was.
func (p *farPart) awaitEnd() error {
	p.t.Helper()
	select {
	case err := <-p.ended:
		p.ended <- err
		return err
	case <-time.After(patience):
		require.FailNow(p.t, "the part does not end")
		return nil
	}
}

// stop ends the part in order.
func (p *farPart) stop(sig os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(sig))
	require.NoError(p.t, p.awaitEnd(), "%s", p.log())
	p.awaitLog("Shutdown done")
}

// attachArgs are what a part needs to reach a node.
func attachArgs(address, key string) []string {
	return []string{"-regtest", "-ipcconnect=" + address, "-ipckey=" + key}
}

func TestAWorkerElsewhereMakesAndAcceptsConnections(t *testing.T) {
	peer := startBtcd(t)
	n := startNode(t, "regtest", "-connect="+peer.p2p, "-p2pworkers=0", "-ipcbind=unix:bus.sock")
	socket := filepath.Join(n.net, "bus.sock")
	info, err := os.Stat(socket)
	require.NoError(t, err)
	require.Equal(t, "Srw-------", info.Mode().String())
	peer.must("generate", 3)
	require.Empty(t, n.must("getpeerinfo"))

	port := freePort(t)
	args := append(attachArgs("unix:"+socket, n.keygen("worker")), fmt.Sprintf("-bind=127.0.0.1:%d", port))
	w := startPart(t, host{}, "worker", args...)
	n.awaitHeight(3)
	n.connected(1)
	// Another node connects to the worker, and hears of our blocks through it.
	other := startNode(t, "regtest", fmt.Sprintf("-connect=127.0.0.1:%d", port))
	n.connected(2)
	n.must("generatetoaddress", 1, btcdMiningAddress)
	other.eventuallyTip(n.tip())
	peer.eventuallyTip(n.tip())

	// The node goes and comes back; nobody tells the worker.
	n.stop()
	w.awaitLog("Lost the link to unix:" + socket)
	n.start()
	n.connected(2)
	peer.must("generate", 1)
	n.awaitHeight(5)
	w.stop(syscall.SIGTERM)
	n.connected(0)
	n.stop()
	other.stop()
}

func TestWorkersHereAndElsewhereShareTheConnections(t *testing.T) {
	one, two := startBtcd(t), startBtcd(t)
	n := startNode(t, "regtest", "-connect=0", "-p2pworkers=perpeer", "-ipcbind=unix:bus.sock")
	w := startPart(t, host{}, "worker", append(attachArgs("unix:"+filepath.Join(n.net, "bus.sock"), n.keygen("worker", "b")), "-debug=net")...)
	n.awaitLog("worker.b attached")
	n.eventually("the worker to register", func() error {
		calls, err := n.callsMade()
		if err == nil && calls["worker.b"] < 2 { // the second comes when the first is answered
			err = fmt.Errorf("it has made %v calls", calls["worker.b"])
		}
		return err
	})
	n.must("addnode", one.p2p, "add")
	n.must("addnode", two.p2p, "add")
	n.connected(2)
	const dialled = "trying v1 connection (manual)"
	require.Equal(t, 1, strings.Count(w.log(), dialled))
	require.Equal(t, 1, strings.Count(n.log(), dialled))
	far, near := 0, 0
	for _, c := range n.must("getcompartments").([]any) {
		c := c.(map[string]any)
		if c["role"] != "worker" {
			continue
		}
		if c["instance"] == "worker.b" {
			far++
			require.Zero(t, c["pid"], "its process is not one of ours")
		} else {
			near++
		}
	}
	require.Equal(t, 1, far)
	require.GreaterOrEqual(t, near, 2, "the pool is as large as ever")
	one.must("generate", 2)
	n.awaitHeight(2)
	two.eventuallyTip(n.tip())
	n.stop()
}

// callsMade returns how many calls each compartment has made, by instance.
func (n *node) callsMade() (map[string]float64, error) {
	list, ok := n.must("getcompartments").([]any)
	if !ok {
		return nil, fmt.Errorf("getcompartments returned no list")
	}
	calls := map[string]float64{}
	for _, c := range list {
		c := c.(map[string]any)
		calls[c["instance"].(string)] = c["calls"].(float64)
	}
	return calls, nil
}

func TestAWalletElsewhere(t *testing.T) {
	address := fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
	n := startNode(t, "regtest", "-connect=0", "-ipcbind="+address)
	args := append(attachArgs(address, n.keygen("wallet", "savings")), "-wallet=savings")
	w := startPart(t, host{}, "wallet", args...)
	w.awaitLog(`Created wallet "savings"`)
	n.eventually("the wallet", func() error {
		if list := fmt.Sprint(n.must("listwallets")); list != "[savings]" {
			return fmt.Errorf("wallets: %s", list)
		}
		return nil
	})
	mine := n.must("wallet:savings/getnewaddress").(string)
	n.must("generatetoaddress", 101, mine)
	require.EqualValues(t, 50, n.must("wallet:savings/getbalance"))
	txid := n.must("wallet:savings/sendtoaddress", btcdMiningAddress, 1).(string)
	n.eventually("the payment", func() error { return mempoolHas(n.must("getrawmempool"), txid) })
	require.NoDirExists(t, filepath.Join(n.net, "wallets", "savings"))

	n.stop()
	n.start()
	n.eventually("the wallet again", func() error {
		_, err := n.call("wallet:savings/getbalance")
		return err
	})
	w.stop(syscall.SIGINT)
	n.stop()
}

func TestAGatewayAndANotifierElsewhere(t *testing.T) {
	address := fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
	n := startNode(t, "regtest", "-connect=0", "-ipcbind="+address)
	rpcPort, published := freePort(t), fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
	g := startPart(t, host{}, "gateway", append(attachArgs(address, n.keygen("gateway")),
		fmt.Sprintf("-rpcport=%d", rpcPort), "-rpcuser=u", "-rpcpassword=p", "-sandbox=require")...)
	startPart(t, host{}, "notify", append(attachArgs(address, n.keygen("notify")), "-zmqpubhashblock="+published)...)
	settle(n, subscribe(t, published, "hashblock"), "hashblock")
	url := fmt.Sprintf("http://127.0.0.1:%d/", rpcPort)
	n.eventually("the other gateway", func() error {
		raw, err := postRPC(url, "u", "p", []byte(`{"method":"getbestblockhash","id":1}`))
		if err == nil && string(raw) != `"`+n.tip()+`"` {
			err = fmt.Errorf("it answers %s", raw)
		}
		return err
	})
	for field, want := range map[string]int{"Seccomp": 2, "NoNewPrivs": 1} {
		got, err := statusOf(g.cmd.Process.Pid, field)
		require.NoError(t, err)
		require.Equal(t, want, got, field)
	}
	g.awaitLog("Sandbox of gateway.", "all but hostile ones")
	n.stop()
}

func TestARefusedKeyIsToldOnBothSides(t *testing.T) {
	address := fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
	n := startNode(t, "regtest", "-connect=0", "-ipcbind="+address)
	key := n.keygen("worker", "b")
	public := strings.TrimSuffix(key, "_secret")
	require.NoError(t, os.Rename(public, public+".away"))
	w := startPart(t, host{}, "worker", attachArgs(address, key)...)
	w.awaitLog("refused the key of "+key, "trying again")
	n.awaitLog("refused a connection from 127.0.0.1:", "unknown-client-key")
	require.NoError(t, os.Rename(public+".away", public))
	w.awaitLog("Attached to the node at " + address) // the key counts at once
	w.stop(syscall.SIGTERM)

	// A key that another node has made.
	other := newNode(t, "regtest")
	w = startPart(t, host{}, "worker", attachArgs(address, other.keygen("worker"))...)
	w.awaitLog("refused the key of")
	n.awaitLog("refused a connection from 127.0.0.1:", "wrong-server-key")
	w.stop(syscall.SIGTERM)
	n.stop()
}

func TestUnusableBusSettingsAreRefusedAtStart(t *testing.T) {
	n := newNode(t, "regtest")
	key := n.keygen("worker")
	run := func(args ...string) string {
		out, err := exec.Command(bulkheadBinary, args...).CombinedOutput()
		require.Error(t, err)
		return string(out)
	}
	busy := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	holder := startNode(t, "regtest", "-connect=0", "-ipcbind=tcp:"+busy)
	for want, args := range map[string][]string{
		"Error: Invalid address in -ipcbind=tcp://127.0.0.1: want HOST:PORT": {n.args[0], "-regtest", "-ipcbind=tcp://127.0.0.1"},
		"Error: Unable to bind to tcp://" + busy + " on this computer. Bulkhead is probably already running.": {
			n.args[0], "-regtest", "-server=0", "-listen=0", "-ipcbind=tcp://" + busy},
		"Error: -ipcconnect is for one part on its own":                {n.args[0], "-regtest", "-ipcconnect=tcp://" + busy},
		"Error: bulkhead worker needs -ipckey":                         {"worker", "-regtest", "-ipcconnect=tcp://" + busy},
		"is the key of a worker, not of a notify":                      {"notify", "-regtest", "-ipcconnect=tcp://" + busy, "-ipckey=" + key},
		"is for a node on chain regtest, and this is for main":         {"worker", "-ipcconnect=tcp://" + busy, "-ipckey=" + key},
		"no such file or directory":                                    {"worker", "-regtest", "-ipcconnect=tcp://" + busy, "-ipckey=" + key + "x"},
		"role \"peers\" cannot come from outside":                      {"bus", "keygen", n.args[0], "-regtest", "peers"},
		"worker.key is there already":                                  {"bus", "keygen", n.args[0], "-regtest", "worker"},
		"bulkhead bus has the commands keygen and help":                {"bus", "keys"},
		"node is started by bulkhead, not by hand":                     {"node"},
		"Error parsing command line arguments: Invalid parameter -wat": {"worker", "-wat"},
	} {
		require.Contains(t, run(args...), want)
	}
	out, err := exec.Command(bulkheadBinary, "bus", "help").CombinedOutput()
	require.NoError(t, err)
	require.Contains(t, string(out), "Usage: bulkhead bus keygen")
	holder.stop()
}
