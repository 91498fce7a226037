package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	patience = 2 * time.Minute
	// nobodys is the P2WPKH address of the key 1, which everyone knows.
	nobodys = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
)

// program is the path of a Bulkhead that TestMain builds, once.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "bulkhead")
	build := exec.Command("go", "build", "-o", program, "./cmd/bulkhead")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%s: %s", err, out))
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// node is a Bulkhead on regtest.
type node struct {
	t            *testing.T
	dir          string
	p2p, rpcPort int
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startNode starts one that the test's end stops; args are settings more.
func startNode(t *testing.T, args ...string) *node {
	n := &node{t: t, dir: t.TempDir(), p2p: freePort(t), rpcPort: freePort(t)}
	cmd := exec.Command(program, append([]string{"-regtest", "-datadir=" + n.dir, "-fallbackfee=0.0001",
		fmt.Sprintf("-bind=127.0.0.1:%d", n.p2p), fmt.Sprintf("-rpcport=%d", n.rpcPort)}, args...)...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait(), "%s", &log)
	})
	n.until("it answers", func() bool { _, err := n.ask("getblockcount"); return err == nil })
	return n
}

// in is the same node for a test of a part.
func (n *node) in(t *testing.T) *node {
	part := *n
	part.t = t
	return &part
}

// host is where JSON-RPC is served.
func (n *node) host() string { return fmt.Sprintf("127.0.0.1:%d", n.rpcPort) }

// cookie returns the user and the password of JSON-RPC, empty as long as there are none.
func (n *node) cookie() (user, password string) {
	raw, _ := os.ReadFile(filepath.Join(n.dir, "regtest", ".cookie"))
	user, password, _ = strings.Cut(string(raw), ":")
	return user, password
}

// until asks again until something is so.
func (n *node) until(what string, so func() bool) {
	n.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !so(); {
		select {
		case <-tick.C:
		case <-deadline:
			require.Fail(n.t, "it does not come about", what)
		}
	}
}

func (n *node) ask(method string, params ...any) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": append([]any{}, params...)})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, "http://"+n.host(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(n.cookie())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var reply struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return nil, err
	}
	if reply.Error != nil {
		return nil, fmt.Errorf("%s: %s", method, reply.Error.Message)
	}
	return reply.Result, nil
}

func get[T any](n *node, method string, params ...any) (v T) {
	n.t.Helper()
	raw, err := n.ask(method, params...)
	require.NoError(n.t, err)
	require.NoError(n.t, json.Unmarshal(raw, &v))
	return v
}
