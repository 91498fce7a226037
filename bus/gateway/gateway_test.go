package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// fixture is a gateway on a bus with one part of role node.
type fixture struct {
	t   *testing.T
	bus *bustest.Bus
	url string
	// metrics is where the last listener is.
	metrics string
	hold    chan struct{} // closed to let "hold" return
	held    chan struct{} // tells that a "hold" has begun
	// outcomes tells how it ended.
	outcomes chan error
	stop     func()                 // ends the part
	missing  chan []string          // holds what the supervisor says that the node waits for
	kept     chan []msg.Compartment // and what it keeps running
	closed   chan msg.CloseFileRequest
}

// startSupervisor attaches a supervisor whose node waits for what missing says.
func (f *fixture) startSupervisor() {
	mux := bus.NewMux()
	f.missing = make(chan []string, 1)
	f.missing <- nil
	msg.Readiness.Handle(mux, func(context.Context, bus.None) (msg.ReadinessReply, error) {
		missing := <-f.missing
		f.missing <- missing
		return msg.ReadinessReply{Waiting: missing}, nil
	})
	f.kept = make(chan []msg.Compartment, 1)
	f.kept <- nil
	msg.Compartments.Handle(mux, func(context.Context, bus.None) (msg.CompartmentsReply, error) {
		kept := <-f.kept
		f.kept <- kept
		return msg.CompartmentsReply{Compartments: kept}, nil
	})
	f.lendFiles(mux)
	f.bus.Conn(roles.Supervisor, "supervisor", mux)
}

func (f *fixture) table() rpc.Table {
	return rpc.Table{
		{Name: "getblockcount", Category: "Blockchain", Summary: "Counts.", Run: func(context.Context, *rpc.Call) (any, error) { return 7, nil }},
		{Name: "mirror", Category: "hidden", Params: []rpc.Param{{Name: "a", Optional: true}, {Name: "b", Type: rpc.String, Optional: true}},
			Run: func(_ context.Context, call *rpc.Call) (any, error) {
				return []json.RawMessage{call.Raw(0), call.Raw(1)}, nil
			}},
		dumping,
		{Name: "fail", Category: "hidden", Run: func(context.Context, *rpc.Call) (any, error) {
			return nil, rpc.Errorf(rpc.InvalidParameter, "no <good>")
		}},
		{Name: "hold", Category: "hidden", Run: f.holds},
		{Name: "waitforhold", Category: "hidden", Run: f.holds},
	}
}

func (f *fixture) holds(ctx context.Context, _ *rpc.Call) (any, error) {
	f.held <- struct{}{}
	select {
	case <-f.hold:
		f.outcomes <- nil
		return "held", nil
	case <-ctx.Done():
		f.outcomes <- ctx.Err()
		return nil, ctx.Err()
	}
}

func newFixture(t *testing.T, cfg Config) *fixture { return newFixtureWith(t, cfg, 1) }

// newFixtureWith has more than one listener.
func newFixtureWith(t *testing.T, cfg Config, count int) *fixture {
	f := &fixture{t: t, bus: bustest.New(t), hold: make(chan struct{}), held: make(chan struct{}, 64), outcomes: make(chan error, 64)}
	listeners := make([]net.Listener, count)
	for i := range listeners {
		var err error
		listeners[i], err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
	}
	f.startSupervisor()
	f.url = "http://" + listeners[0].Addr().String()
	f.metrics = "http://" + listeners[count-1].Addr().String()
	cfg.Accounts = append(cfg.Accounts, NewAccount("joe", "secret", "5a17"))
	env := part.Env{
		Name: "gateway", Link: f.bus.Link(roles.Gateway, "gateway"), Listeners: listeners,
		Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, env, cfg) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return f
}

// startNode attaches the part and returns when the gateway knows it.
func (f *fixture) startNode() {
	f.t.Helper()
	mux := bus.NewMux()
	require.NoError(f.t, f.table().Announce(mux))
	_, f.stop = f.bus.Conn(roles.Node, "node", mux)
	require.Eventually(f.t, func() bool {
		status, _ := f.post("/", `{"method":"getblockcount","id":1}`)
		return status == 200
	}, 5*time.Second, time.Millisecond)
}

func (f *fixture) post(path, body string) (int, string) {
	status, text, err := f.try(path, "joe", "secret", body)
	require.NoError(f.t, err)
	return status, text
}

func (f *fixture) try(path, user, password, body string) (int, string, error) {
	req, err := http.NewRequest(http.MethodPost, f.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.SetBasicAuth(user, password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(text)), err
}

func TestRequestsOfEveryVersion(t *testing.T) {
	f := newFixture(t, Config{})
	<-f.missing
	f.missing <- []string{"node", "the wallets to be loaded"}
	status, text := f.post("/", `{"method":"getblockcount","id":1}`)
	require.Equal(t, 500, status)
	require.Contains(t, text, `"code":-28,"message":"Starting compartments: waiting for node, the wallets to be loaded…"`)
	<-f.missing
	f.missing <- nil
	f.startNode()
	for _, tc := range []struct {
		body   string
		status int
		text   string
	}{
		{`{"method":"getblockcount","params":[],"id":1}`, 200, `{"result":7,"error":null,"id":1}`},
		{`{"jsonrpc":"1.1","method":"getblockcount","id":"x"}`, 200, `{"result":7,"error":null,"id":"x"}`},
		{`{"jsonrpc":"2.0","method":"getblockcount","id":null}`, 200, `{"jsonrpc":"2.0","result":7,"id":null}`},
		{`{"jsonrpc":"2.0","method":"getblockcount"}`, 204, ``},
		{`{"jsonrpc":"2.0","method":"mirror","params":{"b":"<&>"},"id":1}`, 200, `{"jsonrpc":"2.0","result":[null,"<&>"],"id":1}`},
		{`{"jsonrpc":"2.0","method":"mirror","params":{"args":[5],"b":"y"},"id":1}`, 200, `{"jsonrpc":"2.0","result":[5,"y"],"id":1}`},
		{`{"jsonrpc":"2.0","method":"fail","id":1}`, 200, `{"jsonrpc":"2.0","error":{"code":-8,"message":"no <good>"},"id":1}`},
		{`{"method":"fail","id":1}`, 500, `{"result":null,"error":{"code":-8,"message":"no <good>"},"id":1}`},
		{`{"method":"nope","id":1}`, 404, `{"result":null,"error":{"code":-32601,"message":"Method not found"},"id":1}`},
		{`{"jsonrpc":"2.0","method":"nope","id":1}`, 200, `{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}`},
		{`{"jsonrpc":2,"method":"nope","id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"jsonrpc field must be a string"},"id":1}`},
		{`{"jsonrpc":"2.1","method":"nope","id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"JSON-RPC version not supported"},"id":1}`},
		{`{"method":"getblockcount"}`, 200, `{"result":7,"error":null}`},
		{`{"id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"Missing method"},"id":1}`},
		{`{"method":3,"id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"Method must be a string"},"id":1}`},
		{`{"method":"mirror","params":"x","id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"Params must be an array or object"},"id":1}`},
		{`{"method":`, 500, `{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}`},
		{`"x"`, 500, `{"result":null,"error":{"code":-32700,"message":"Top-level object parse error"},"id":null}`},
		{`[]`, 200, `[]`},
		{`[{"method":"getblockcount","id":1},{"jsonrpc":"2.0","method":"getblockcount"},3]`, 200,
			`[{"result":7,"error":null,"id":1},{"result":null,"error":{"code":-32600,"message":"Invalid Request object"},"id":null}]`},
		{`[{"jsonrpc":"2.0","method":"getblockcount"}]`, 204, ``},
	} {
		status, text := f.post("/", tc.body)
		require.Equal(t, tc.status, status, tc.body)
		require.Equal(t, tc.text, text, tc.body)
	}
}

// firstAccept is a listener that tells when it is first accepted from.
type firstAccept struct {
	net.Listener
	once sync.Once
	tell func()
}

func (l *firstAccept) Accept() (net.Conn, error) {
	l.once.Do(l.tell)
	return l.Listener.Accept()
}

// TestTheFirstRequestFindsWhatIsThere: a gateway that is started again is asked
// at once, and must not take a command for unknown before it has looked.
func TestTheFirstRequestFindsWhatIsThere(t *testing.T) {
	f := &fixture{t: t, bus: bustest.New(t)}
	mux := bus.NewMux()
	require.NoError(t, f.table().Announce(mux))
	f.bus.Conn(roles.Node, "node", mux)
	conn, _ := f.bus.Conn(roles.Gateway, "gateway", bus.NewMux())
	g := newGateway(slog.New(slog.DiscardHandler), Config{}.withDefaults())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	known := make(chan bool, 1)
	listener := &firstAccept{Listener: l, tell: func() {
		_, _, there := g.directory.lookup("getblockcount")
		known <- there
	}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.serve(ctx, conn, []net.Listener{listener}) }()
	require.True(t, <-known)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestHelpComesFromTheParts(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	_, text := f.post("/", `{"jsonrpc":"2.0","method":"help","id":1}`)
	require.Contains(t, text, `== Blockchain ==\ngetblockcount\n`)
	require.NotContains(t, text, "mirror")
	_, text = f.post("/", `{"jsonrpc":"2.0","method":"help","params":["getblockcount"],"id":1}`)
	require.Contains(t, text, `"getblockcount\n\nCounts.\n\nExamples:\n> bitcoin-cli getblockcount\n> curl `)
	_, text = f.post("/", `{"jsonrpc":"2.0","method":"help","params":["zap"],"id":1}`)
	require.Contains(t, text, "help: unknown command: zap")
}

func TestStrangersStayOutside(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	for _, who := range [][2]string{{"joe", "wrong"}, {"ann", "secret"}, {"", ""}} {
		status, _, err := f.try("/", who[0], who[1], `{"method":"getblockcount","id":1}`)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, status)
	}
	resp, err := http.Get(f.url)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	status, _ := f.post("/elsewhere", `{}`)
	require.Equal(t, http.StatusNotFound, status)
	for _, tc := range []struct {
		local, remote net.Addr
		allowed       bool
	}{
		{&net.TCPAddr{}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5}, false},
		{&net.TCPAddr{}, &net.TCPAddr{IP: net.IPv6loopback, Port: 5}, true},
		{&net.TCPAddr{}, &net.UnixAddr{Name: "@", Net: "unix"}, false},
		{&net.UnixAddr{Name: "rpc.sock", Net: "unix"}, &net.UnixAddr{Name: "@", Net: "unix"}, true},
	} {
		require.Equal(t, tc.allowed, Config{}.allowed(tc.local, tc.remote), tc.remote)
	}
}

func TestOverloadIsRefused(t *testing.T) {
	f := newFixture(t, Config{Threads: 2, Queue: 3})
	f.startNode()
	answers := make(chan int, 8)
	request := func() {
		status, _, err := f.try("/", "joe", "secret", `{"method":"hold","id":1}`)
		if err != nil {
			status = -1
		}
		answers <- status
	}
	for range 8 {
		go request()
	}
	// Two are served and three wait: the other three must be refused.
	for range 3 {
		require.Equal(t, http.StatusServiceUnavailable, <-answers)
	}
	close(f.hold)
	for range 5 {
		require.Equal(t, http.StatusOK, <-answers)
	}
}

// sendPart opens a connection and sends the beginning of a request.
func (f *fixture) sendPart(length int, body string) net.Conn {
	f.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	require.NoError(f.t, err)
	f.t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic am9lOnNlY3JldA==\r\nContent-Length: %d\r\n\r\n%s", length, body)
	require.NoError(f.t, err)
	return conn
}

func TestABodyThatNeverEndsOccupiesNoThread(t *testing.T) {
	f := newFixture(t, Config{Threads: 1, Queue: 1, Timeout: time.Second})
	f.startNode()
	var slow []net.Conn
	for range 4 {
		slow = append(slow, f.sendPart(1000, "{"))
	}
	status, _ := f.post("/", `{"method":"getblockcount","id":1}`)
	require.Equal(t, 200, status)
	for _, conn := range slow {
		_, err := io.ReadAll(conn) // returns when the gateway gives it up
		require.NoError(t, err)
	}
	http.DefaultClient.CloseIdleConnections() // as the gateway is about to do
	go func() { <-f.held; <-time.After(1200 * time.Millisecond); close(f.hold) }()
	status, body := f.post("/", `{"method":"hold","id":1}`)
	require.Equal(t, 200, status, "the time for the body does not bound the answer: %s", body)
}

func TestABodyThatIsTooLargeIsRefusedBeforeItComes(t *testing.T) {
	f := newFixture(t, Config{Timeout: time.Second})
	answer, err := io.ReadAll(f.sendPart(maxBody+1, "{"))
	require.NoError(t, err)
	require.Contains(t, string(answer), "413 Content too large")
}

func TestARestartingPartIsNotAnUnknownMethod(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	gone := make(chan string, 1)
	go func() {
		_, text, err := f.try("/", "joe", "secret", `{"jsonrpc":"2.0","method":"hold","id":1}`)
		if err != nil {
			text = err.Error()
		}
		gone <- text
	}()
	<-f.held
	f.stop()
	require.Contains(t, <-gone, `"code":-28,"message":"The compartment that serves hold has ended before it answered. What was asked for may have been done"`)
	// The call may have been answered before the broker has seen the end.
	require.Eventually(t, func() bool {
		_, text := f.post("/", `{"jsonrpc":"2.0","method":"getblockcount","id":1}`)
		return strings.Contains(text, `"code":-28`)
	}, 30*time.Second, time.Millisecond)
	f.startNode()
}

func TestWalletsAreChosenByPath(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	balance := rpc.Table{{Name: "getbalance", Category: "Wallet", PerWallet: true, Run: func(_ context.Context, call *rpc.Call) (any, error) {
		return call.Wallet, nil
	}}}
	ask := func(path string) string {
		_, text := f.post(path, `{"jsonrpc":"2.0","method":"getbalance","id":1}`)
		return text
	}
	attach := func(instance, name string) {
		mux := bus.NewMux()
		require.NoError(t, balance.Announce(mux))
		if name != "-" {
			mux.SetMeta(msg.WalletMeta, []byte(name))
		}
		conn, _ := f.bus.Conn(roles.Wallet, instance, mux)
		// Once the broker has answered a later question of the same link, the
		// gateway has been sent the news; its own next question is behind them.
		_, err := msg.Registry.Call(t.Context(), conn, bus.None{})
		require.NoError(t, err)
	}
	attach("wallet", "-")
	require.Eventually(t, func() bool { return strings.Contains(ask("/"), `"code":-18`) }, 5*time.Second, time.Millisecond)
	attach("wallet.a", "a")
	require.Eventually(t, func() bool { return strings.Contains(ask("/"), `"result":""`) }, 5*time.Second, time.Millisecond)
	attach("wallet.b", "b c")
	require.Eventually(t, func() bool { return strings.Contains(ask("/"), `"code":-19`) }, 5*time.Second, time.Millisecond)
	require.Contains(t, ask("/wallet/b%20c"), `"result":"b c"`)
	require.Contains(t, ask("/wallet/z"), `"code":-18`)
}
