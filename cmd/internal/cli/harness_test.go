package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/cmd/internal/cli"
)

// commands are what the client knows in these tests.
var commands = rpc.Table{
	{Name: "echo", Params: []rpc.Param{{Name: "arg0", Word: rpc.Verbatim}, {Name: "arg1", Word: rpc.Verbatim}}},
	{Name: "echojson", Params: []rpc.Param{{Name: "arg0"}, {Name: "arg1"}}},
	{Name: "generatetoaddress", Summary: "Mines.", Params: []rpc.Param{{Name: "nblocks", Type: rpc.Number}, {Name: "address", Type: rpc.String}, {Name: "maxtries", Type: rpc.Number}}},
	{Name: "open", Params: []rpc.Param{
		{Name: "path", Type: rpc.String, Word: rpc.Free}, {Name: "mode|how", Type: rpc.String}, {Name: "at", Word: rpc.Either},
		{Name: "options", Type: rpc.Object, Members: []string{"deep", "until"}, MemberWords: map[string]rpc.Word{"until": rpc.Either}},
	}},
	{Name: "walletpassphrase", Params: []rpc.Param{{Name: "passphrase", Type: rpc.String, Word: rpc.Free}, {Name: "timeout", Type: rpc.Number}}},
}

// asked is a request that the server got.
type asked struct {
	path          string
	authorization string
	body          json.RawMessage
}

// call is the JSON-RPC of one.
type call struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
}

func (a asked) call(t *testing.T) (c call) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.body, &c))
	return c
}

// server stands for a node.
type server struct {
	t    *testing.T
	dir  string // data directory with its cookie
	port string
	// answer returns status and body for a request, by its place among all of them.
	answer func(n int, body []byte) (status int, answer string)

	mu  sync.Mutex
	got []asked
}

// newServer starts one whose answer to every request is the same.
func newServer(t *testing.T, status int, answer string) *server {
	t.Helper()
	s := bareServer(t)
	s.answer = func(int, []byte) (int, string) { return status, answer }
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	at, err := url.Parse(web.URL)
	require.NoError(t, err)
	s.port = at.Port()
	return s
}

// newUnixServer is newServer on a unix socket in the chain's folder.
func newUnixServer(t *testing.T, name, answer string) *server {
	t.Helper()
	s := bareServer(t)
	s.answer = func(int, []byte) (int, string) { return http.StatusOK, answer }
	l, err := net.Listen("unix", filepath.Join(s.dir, "regtest", name))
	require.NoError(t, err)
	web := &httptest.Server{Listener: l, Config: &http.Server{Handler: s}}
	web.Start()
	t.Cleanup(web.Close)
	return s
}

func bareServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	require.NoError(t, os.Mkdir(filepath.Join(s.dir, "regtest"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "regtest", ".cookie"), []byte("__cookie__:secret\n"), 0o600))
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a request that is cut off fails the test by its content
	s.mu.Lock()
	s.got = append(s.got, asked{r.URL.EscapedPath(), r.Header.Get("Authorization"), body})
	n := len(s.got) - 1
	s.mu.Unlock()
	status, answer := s.answer(n, body)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

// requests are those that came.
func (s *server) requests() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

// last is the one that came last.
func (s *server) last() asked {
	s.t.Helper()
	all := s.requests()
	require.NotEmpty(s.t, all)
	return all[len(all)-1]
}

// outcome is how a run of the client went.
type outcome struct {
	status         int
	stdout, stderr string
}

// run runs the client with options that lead to the server before those given.
func (s *server) run(stdin string, args ...string) outcome {
	options := []string{"-datadir=" + s.dir, "-regtest"}
	if s.port != "" {
		options = append(options, "-rpcport="+s.port)
	}
	return run(s.t, stdin, append(options, args...)...)
}

func run(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := cli.Run(t.Context(), cli.Config{
		Name: "Bulkhead", Version: "1.2.3", Args: args, Commands: commands, Home: t.TempDir(),
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
	})
	return outcome{status, stdout.String(), stderr.String()}
}

// result is an answer with a result.
func result(json string) string { return fmt.Sprintf(`{"jsonrpc":"2.0","result":%s,"id":"1"}`, json) }

// fault is an answer with an error.
func fault(json string) string { return fmt.Sprintf(`{"jsonrpc":"2.0","error":%s,"id":"1"}`, json) }
