package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait for something that has to happen.
const patience = 60 * time.Second

// node is a bulkhead under test.
type node struct {
	t       testing.TB
	dir     string
	net     string // the chain's directory
	rpcPort int
	p2pPort int
	args    []string
	host    host
	cmd     *exec.Cmd
	stdout  *os.File // nil for none
	stderr  *bytes.Buffer
	ended   chan error
}

// newNode prepares a node on a chain ("regtest", "main") in a new directory.
func newNode(t testing.TB, chain string, args ...string) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir(), rpcPort: freePort(t), p2pPort: freePort(t)}
	n.net = n.dir
	if chain != "main" {
		n.net = filepath.Join(n.dir, chain)
	}
	n.args = append([]string{
		"-datadir=" + n.dir, "-chain=" + chain, fmt.Sprintf("-rpcport=%d", n.rpcPort), fmt.Sprintf("-port=%d", n.p2pPort),
		"-dnsseed=0", "-debug=net", "-logthreadnames", "-logtimemicros",
	}, args...)
	if !slices.Contains(args, "-listen=0") {
		n.args = append(n.args, fmt.Sprintf("-bind=127.0.0.1:%d", n.p2pPort))
	}
	return n
}

// startNode is newNode, start.
func startNode(t testing.TB, chain string, args ...string) *node {
	t.Helper()
	n := newNode(t, chain, args...)
	n.start()
	return n
}

// start runs the node and returns when it serves RPC.
func (n *node) start(more ...string) {
	n.t.Helper()
	n.launch(more...)
	n.eventually("RPC", func() error {
		select {
		case err := <-n.ended:
			n.ended <- err
			n.t.Fatalf("the node ended at start: %v\n%s", err, n.stderr)
		default:
		}
		_, err := n.call("getblockcount")
		return err
	})
}

// launch runs the node without waiting for anything.
func (n *node) launch(more ...string) {
	n.t.Helper()
	n.cmd = n.host.command(bulkheadBinary, append(n.args, more...)...)
	n.stderr = &bytes.Buffer{}
	n.cmd.Stderr = n.stderr
	if n.stdout != nil {
		n.cmd.Stdout = n.stdout
	}
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(n.t, n.cmd.Start())
	ended := make(chan error, 1)
	n.ended = ended
	cmd := n.cmd
	go func() { ended <- cmd.Wait() }()
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		err := <-ended
		ended <- err
		if n.t.Failed() && n.cmd == cmd {
			n.showLog()
		}
	})
}

// showLog prints the end of debug.log of a failed test.
func (n *node) showLog() {
	raw, err := os.ReadFile(filepath.Join(n.net, "debug.log"))
	if err != nil {
		return
	}
	var lines, net []string
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, "[net] ") {
			net = append(net, line)
		} else {
			lines = append(lines, line)
		}
	}
	end := func(list []string) string { return strings.Join(list[max(len(list)-60, 0):], "") }
	n.t.Logf("debug.log of %s:\n%s\nof category net:\n%s\nstderr: %s", n.dir, end(lines), end(net), n.stderr)
}

// stop ends the node with the stop command and checks that it ends in order.
func (n *node) stop() {
	n.t.Helper()
	n.must("stop")
	n.awaitEnd()
}

// awaitEnd waits for the end and checks exit code and stderr.
func (n *node) awaitEnd() {
	n.t.Helper()
	select {
	case err := <-n.ended:
		n.ended <- err
		require.NoError(n.t, err, "stderr: %s", n.stderr)
	case <-time.After(patience):
		require.Fail(n.t, "the node does not end")
	}
	require.Empty(n.t, n.stderr.String())
}

// rpcError is an error that the node answered.
type rpcError struct {
	Code    int
	Message string
}

func (e *rpcError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Message) }

func (n *node) credentials() (string, string, error) {
	raw, err := os.ReadFile(filepath.Join(n.net, ".cookie"))
	user, password, _ := strings.Cut(string(raw), ":")
	return user, password, err
}

// call asks over JSON-RPC; a method "wallet:name/method" goes to a wallet.
func (n *node) call(method string, params ...any) (json.RawMessage, error) {
	path := "/"
	if rest, ok := strings.CutPrefix(method, "wallet:"); ok {
		var name string
		name, method, _ = strings.Cut(rest, "/")
		path = "/wallet/" + name
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": append([]any{}, params...)})
	if err != nil {
		return nil, err
	}
	user, password, err := n.credentials()
	if err != nil {
		return nil, err
	}
	return postRPCWith(n.host.client(), "http://127.0.0.1:"+strconv.Itoa(n.rpcPort)+path, user, password, body)
}

func postRPC(url, user, password string, body []byte) (json.RawMessage, error) {
	return postRPCWith(host{}.client(), url, user, password, body)
}

func postRPCWith(client *http.Client, url, user, password string, body []byte) (json.RawMessage, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var reply struct {
		Result json.RawMessage
		Error  *rpcError
	}
	if err := json.Unmarshal(raw, &reply); err != nil {
		return nil, fmt.Errorf("status %d: %q", resp.StatusCode, raw)
	}
	if reply.Error != nil {
		return nil, reply.Error
	}
	return reply.Result, nil
}

// must is call that has to succeed; its result is decoded into a value.
func (n *node) must(method string, params ...any) any {
	n.t.Helper()
	raw, err := n.call(method, params...)
	require.NoError(n.t, err, "%s %v", method, params)
	var v any
	require.NoError(n.t, json.Unmarshal(raw, &v))
	return v
}

// object is must for results that are objects.
func (n *node) object(method string, params ...any) map[string]any {
	n.t.Helper()
	v, ok := n.must(method, params...).(map[string]any)
	require.True(n.t, ok)
	return v
}

// refused is call that has to fail with a code.
func (n *node) refused(code int, method string, params ...any) string {
	n.t.Helper()
	_, err := n.call(method, params...)
	var answered *rpcError
	require.ErrorAs(n.t, err, &answered, "%s %v", method, params)
	require.Equal(n.t, code, answered.Code, answered.Message)
	return answered.Message
}

func (n *node) height() int {
	n.t.Helper()
	return int(n.must("getblockcount").(float64))
}

func (n *node) tip() string {
	n.t.Helper()
	return n.must("getbestblockhash").(string)
}

// eventually waits until check no longer fails.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	eventuallyWithin(t, patience, what, check)
}

// eventuallyWithin is eventually for what takes long.
func eventuallyWithin(t testing.TB, limit time.Duration, what string, check func() error) {
	t.Helper()
	var last error
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		if last = check(); last == nil {
			return
		}
		<-tick.C
	}
	require.NoError(t, last, what)
}

func (n *node) eventually(what string, check func() error) {
	n.t.Helper()
	eventually(n.t, what, check)
}

// eventuallyTip waits until the node's tip is the given one.
func (n *node) eventuallyTip(tip string) {
	n.t.Helper()
	n.eventually("tip", func() error {
		if got := n.tip(); got != tip {
			return fmt.Errorf("the tip is %s, not %s", got, tip)
		}
		return nil
	})
}

// awaitHeight waits for a height.
func (n *node) awaitHeight(height int) {
	n.t.Helper()
	n.eventually("height", func() error {
		raw, err := n.call("getblockcount")
		if err != nil {
			return err
		}
		if string(raw) != strconv.Itoa(height) {
			return fmt.Errorf("height is %s, not %d", raw, height)
		}
		return nil
	})
}

// compartment is what getcompartments tells of one.
type compartment struct {
	Instance, Role string
	PID, Restarts  int
	Kills          int
	Filters        int `json:"seccomp_filters"`
	Sandbox        string
}

func (n *node) compartments() ([]compartment, error) {
	raw, err := n.call("getcompartments")
	if err != nil {
		return nil, err
	}
	var list []compartment
	return list, json.Unmarshal(raw, &list)
}

// pids returns the processes of a role.
func (n *node) pids(role string) []int {
	n.t.Helper()
	list, err := n.compartments()
	require.NoError(n.t, err)
	var pids []int
	for _, c := range list {
		if c.Role == role {
			pids = append(pids, c.PID)
		}
	}
	return pids
}

// alive reports whether a process exists and still runs or holds anything:
// the first thread of a killed one may be a zombie while another has not yet
// given back the locks and sockets of them all.
func alive(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	const state, threads = 0, 17 // of proc(5), after the name
	return !strings.Contains("ZX", fields[state]) || fields[threads] > "1"
}

func kill(t testing.TB, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}
