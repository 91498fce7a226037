//go:build reference

package differential

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

var (
	reference = flag.String("reference", "", "a bitcoind")
	bulkhead  = flag.String("bulkhead", "", "our program; built if it is not given")
)

// patience is for a node to serve RPC, and to end.
const patience = time.Minute

// mockTime is what both nodes take for now, some years after regtest's genesis block.
const mockTime = 1_400_000_000

// both are the nodes under comparison, of one process of the test.
var both struct{ ours, theirs *node }

func TestMain(m *testing.M) {
	flag.Parse()
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	if *reference == "" {
		return 1, errors.New("-reference is missing: a bitcoind to compare with")
	}
	dir, err := os.MkdirTemp("", "differential")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if *bulkhead == "" {
		*bulkhead = filepath.Join(dir, "bulkhead")
		build := exec.Command("go", "build", "-o", *bulkhead, "./cmd/bulkhead")
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("building: %w\n%s", err, out)
		}
	}
	for _, n := range []struct {
		into    **node
		program string
	}{{&both.ours, *bulkhead}, {&both.theirs, *reference}} {
		if *n.into, err = start(n.program, filepath.Join(dir, fmt.Sprintf("%p", n.into))); err != nil {
			return 1, err
		}
		defer (*n.into).stop()
	}
	return m.Run(), nil
}

// node is a running regtest node.
type node struct {
	url   string
	cmd   *exec.Cmd
	ended chan error
}

func start(program, dir string) (*node, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	n := &node{url: fmt.Sprintf("http://u:p@127.0.0.1:%d/", port), ended: make(chan error, 1)}
	n.cmd = exec.Command(program, "-regtest", "-datadir="+dir, fmt.Sprintf("-rpcport=%d", port), "-rpcuser=u", "-rpcpassword=p",
		"-listen=0", "-dnsseed=0", "-disablewallet", "-printtoconsole=0", fmt.Sprintf("-mocktime=%d", mockTime), "-acceptnonstdtxn=0")
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { n.ended <- n.cmd.Wait() }()
	for deadline := time.Now().Add(patience); ; {
		if a, err := n.call("getblockcount"); err == nil && a.Code == 0 {
			return n, nil
		} else if time.Now().After(deadline) {
			n.stop()
			return nil, fmt.Errorf("%s does not serve RPC: %v, %w", program, a, err)
		}
		select {
		case err := <-n.ended:
			return nil, fmt.Errorf("%s ended: %w", program, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (n *node) stop() {
	_ = n.cmd.Process.Signal(os.Interrupt)
	select {
	case <-n.ended:
	case <-time.After(patience):
		_ = n.cmd.Process.Kill()
		<-n.ended
	}
}

// answer is a result, or an error's code and text.
type answer struct {
	Result any
	Code   int
	Text   string
}

func (n *node) call(method string, params ...any) (a answer, err error) {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"method": method, "params": params, "id": 1})
	if err != nil {
		return a, err
	}
	resp, err := http.Post(n.url, "application/json", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	var reply struct {
		Result any
		Error  *struct {
			Code    int
			Message string
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&reply); err != nil {
		return a, fmt.Errorf("status %d: %w: %.200s", resp.StatusCode, err, raw)
	}
	a.Result = exact(reply.Result)
	if reply.Error != nil {
		a.Code, a.Text = reply.Error.Code, reply.Error.Message
	}
	return a, nil
}

// exact replaces numbers by what they are, however they are written.
func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if number, ok := new(big.Rat).SetString(v.String()); ok {
			return number.RatString()
		}
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = exact(v[key])
		}
	}
	return v
}

// same asks both nodes and fails the test if they differ. It returns what they answer.
func same(t *testing.T, method string, params ...any) answer {
	t.Helper()
	ours, err := both.ours.call(method, params...)
	if err != nil {
		t.Fatalf("ours, %s %v: %v", method, params, err)
	}
	theirs, err := both.theirs.call(method, params...)
	if err != nil {
		t.Fatalf("theirs, %s %v: %v", method, params, err)
	}
	if !reflect.DeepEqual(ours, theirs) && !listed(method, ours, theirs) {
		t.Errorf("%s %v\n  ours:   %s\n  theirs: %s", method, params, show(ours), show(theirs))
	}
	return theirs
}

func show(a answer) string {
	raw, err := json.Marshal(a)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
