package secure

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// interopTimeout bounds a test against libzmq, which runs in another process.
const interopTimeout = 60 * time.Second

var interopSizes = []int{0, 1, 200, 222, 223, 255, 256, 70000, 1 << 20}

// libzmq is a process with a libzmq socket: testdata/peer.py.
type libzmq struct {
	t     *testing.T
	lines *bufio.Scanner
	stdin io.WriteCloser
}

func startLibzmq(t *testing.T, cfg map[string]any) *libzmq {
	t.Helper()
	arg, err := json.Marshal(cfg)
	require.NoError(t, err)
	cmd := exec.Command("/usr/bin/python3", "testdata/peer.py", string(arg))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start(), "python3-zmq is needed")
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &libzmq{t, bufio.NewScanner(stdout), stdin}
}

// said returns the next line that the process writes.
func (z *libzmq) said() map[string]any {
	z.t.Helper()
	require.True(z.t, z.lines.Scan(), "libzmq's process ended")
	var line map[string]any
	require.NoError(z.t, json.Unmarshal(z.lines.Bytes(), &line))
	return line
}

func listen(t *testing.T) (*net.TCPListener, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	tcp := l.(*net.TCPListener)
	require.NoError(t, tcp.SetDeadline(time.Now().Add(interopTimeout)))
	return tcp, "tcp://" + l.Addr().String()
}

func accept(t *testing.T, l *net.TCPListener) net.Conn {
	t.Helper()
	nc, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, nc.SetDeadline(time.Now().Add(interopTimeout)))
	t.Cleanup(func() { nc.Close() })
	return nc
}

func hexKey(k [32]byte) string { return hex.EncodeToString(k[:]) }

// clientKeys is the configuration of a libzmq client with keys.
func clientKeys(endpoint string, key Key, server PublicKey) map[string]any {
	return map[string]any{
		"role": "client", "endpoint": endpoint, "secret": hexKey(key),
		"public": hexKey(key.Public()), "server": hexKey(server),
	}
}

// echo returns messages until the peer has pinged at least pings times and
// sent "after"; it answers PING as ZMTP 3.1 says.
func echo(p *nullPeer, pinged chan<- struct{}) error {
	for {
		f, err := p.receive()
		switch {
		case err != nil:
			return err
		case f.flags&zmtp.Command == 0:
			err = p.send(f)
		case string(f.body[:5]) == "\x04PING":
			pinged <- struct{}{}
			err = p.send(frame{zmtp.Command, append([]byte("\x04PONG"), f.body[7:]...)})
		default:
			err = fmt.Errorf("command %q", f.body)
		}
		if err != nil {
			return err
		}
	}
}

func TestLibzmqClientEchoesAndPingsThroughOurServer(t *testing.T) {
	l, endpoint := listen(t)
	serverKey, clientKey := Generate(), Generate()
	cfg := clientKeys(endpoint, clientKey, serverKey.Public())
	cfg["do"], cfg["sizes"], cfg["heartbeat"], cfg["identity"] = "ask", interopSizes, 50, "worker-1"
	z := startLibzmq(t, cfg)
	conn := Server(accept(t, l), ServerConfig{Key: serverKey, Authorize: only(clientKey.Public())})
	p, err := newNullPeer(conn, "ROUTER")
	require.NoError(t, err)
	require.Equal(t, clientKey.Public(), conn.Peer())
	require.Equal(t, "worker-1", conn.PeerIdentity())
	require.Equal(t, "DEALER", conn.PeerSocketType())

	pinged, ended := make(chan struct{}, 1<<16), make(chan error, 1)
	go func() { ended <- echo(p, pinged) }()
	for _, size := range interopSizes {
		require.Equal(t, map[string]any{"size": float64(size), "same": true}, z.said())
	}
	for range 30 { // longer than the heartbeat's timeout: the PONGs arrive
		select {
		case <-pinged:
		case err := <-ended:
			t.Fatal(err)
		}
	}
	_, err = io.WriteString(z.stdin, "go on\n")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"after": true}, z.said())
	require.Equal(t, map[string]any{"broken": 0.0}, z.said())
	require.ErrorIs(t, <-ended, io.EOF)
}

// dialLibzmq starts a libzmq ROUTER and connects to it.
func dialLibzmq(t *testing.T, cfg map[string]any) (*libzmq, net.Conn) {
	t.Helper()
	cfg["role"] = "server"
	z := startLibzmq(t, cfg)
	nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%v", z.said()["port"]))
	require.NoError(t, err)
	require.NoError(t, nc.SetDeadline(time.Now().Add(interopTimeout)))
	t.Cleanup(func() { nc.Close() })
	return z, nc
}

func TestOurClientEchoesAndPingsThroughLibzmqServer(t *testing.T) {
	serverKey := Generate()
	_, nc := dialLibzmq(t, map[string]any{
		"do": "echo", "secret": hexKey(serverKey), "public": hexKey(serverKey.Public()),
	})
	conn := Client(nc, ClientConfig{Key: Generate(), Server: serverKey.Public(), Identity: "us"})
	p, err := newNullPeer(conn, "DEALER")
	require.NoError(t, err)
	require.Equal(t, "ROUTER", conn.PeerSocketType())
	for _, size := range interopSizes {
		sent := message([]byte("head"), make([]byte, size), nil, []byte("tail"))
		require.NoError(t, p.send(sent...))
		for _, want := range sent {
			got, err := p.receive()
			require.NoError(t, err)
			require.Equal(t, want.flags, got.flags)
			require.Equal(t, hex.EncodeToString(want.body), hex.EncodeToString(got.body))
		}
	}
	require.NoError(t, p.send(frame{zmtp.Command, []byte("\x04PING\x00\x64context")}))
	pong, err := p.receive()
	require.NoError(t, err)
	require.Equal(t, frame{zmtp.Command, []byte("\x04PONGcontext")}, pong)
}

func TestLibzmqClientsWithoutTheRightKeysAreRefused(t *testing.T) {
	serverKey, known := Generate(), Generate()
	null := func(endpoint string) map[string]any {
		return map[string]any{"role": "client", "endpoint": endpoint}
	}
	for name, test := range map[string]struct {
		cfg  func(endpoint string) map[string]any
		kind Kind
		seen string
	}{
		"NULL": {null, ErrMechanism, ""},
		"another server's key": {func(endpoint string) map[string]any {
			return clientKeys(endpoint, known, Generate().Public())
		}, ErrServerKey, ""},
		"no key of its own": {func(endpoint string) map[string]any {
			return map[string]any{"role": "client", "endpoint": endpoint, "server": hexKey(serverKey.Public())}
		}, ErrForged, ""},
		"an unknown key": {func(endpoint string) map[string]any {
			return clientKeys(endpoint, Generate(), serverKey.Public())
		}, ErrClientKey, "HANDSHAKE_FAILED_AUTH"},
	} {
		t.Run(name, func(t *testing.T) {
			l, endpoint := listen(t)
			cfg := test.cfg(endpoint)
			cfg["do"] = "handshake"
			z := startLibzmq(t, cfg)
			conn := Server(accept(t, l), ServerConfig{Key: serverKey, Authorize: only(known.Public())})
			err := conn.Handshake(t.Context())
			require.ErrorIs(t, err, test.kind)
			require.ErrorIs(t, errors.Join(conn.Handshake(t.Context())), test.kind, "the refusal is final")
			seen := z.said()
			require.NotEqual(t, "HANDSHAKE_SUCCEEDED", seen["event"])
			if test.seen != "" {
				require.Equal(t, test.seen, seen["event"])
				require.Equal(t, 400.0, seen["value"])
			}
		})
	}
}

func TestLibzmqServersThatAreNotTheRightOneAreRefused(t *testing.T) {
	serverKey := Generate()
	for name, test := range map[string]struct {
		cfg    map[string]any
		server PublicKey
		kind   Kind
	}{
		"NULL":        {map[string]any{}, serverKey.Public(), ErrMechanism},
		"another key": {map[string]any{"secret": hexKey(serverKey), "public": hexKey(serverKey.Public())}, Generate().Public(), ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			test.cfg["do"] = "handshake"
			_, nc := dialLibzmq(t, test.cfg)
			err := Client(nc, ClientConfig{Key: Generate(), Server: test.server}).Handshake(t.Context())
			require.ErrorIs(t, err, test.kind)
		})
	}
}
