package manager

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/p2pworker/torcontrol"
)

// torDaemon takes one controller after the other, whose ADD_ONION it hands on; a value
// from release ends its connection.
type torDaemon struct {
	l       net.Listener
	added   chan string
	release chan struct{}
	over    chan struct{} // closed when the test has ended
}

func newTorDaemon(t *testing.T) *torDaemon {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &torDaemon{l: l, added: make(chan string), release: make(chan struct{}), over: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.serve(c)
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		close(d.over)
		<-done
	})
	return d
}

func (d *torDaemon) serve(c net.Conn) {
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		command, rest, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "PROTOCOLINFO":
			io.WriteString(c, "250-AUTH METHODS=NULL\r\n250 OK\r\n")
		case "AUTHENTICATE":
			io.WriteString(c, "250 OK\r\n")
		case "GETINFO":
			io.WriteString(c, "250-net/listeners/socks=\"127.0.0.1:9150\"\r\n250 OK\r\n")
		case "ADD_ONION":
			io.WriteString(c, "250-ServiceID="+strings.TrimSuffix(onion, ".onion")+"\r\n")
			if strings.HasPrefix(rest, "NEW:") {
				io.WriteString(c, "250-PrivateKey=ED25519-V3:secret\r\n")
			}
			io.WriteString(c, "250 OK\r\n")
			select {
			case d.added <- rest:
			case <-d.over:
				return
			}
			select {
			case <-d.release:
			case <-d.over:
			}
			return
		}
	}
}

// TestOnionService: it has the same key each time, is shown while it lasts, and the
// daemon's own proxy leads to those of others.
func TestOnionService(t *testing.T) {
	d := newTorDaemon(t)
	dir := t.TempDir()
	s := newShip(t, Config{DataDir: dir, DefaultPort: 8333, Tor: TorControl{
		Address: d.l.Addr().String(), Target: netip.MustParseAddrPort("127.0.0.1:8334"), Proxy: true, Randomize: true}})
	require.False(t, s.cfg.Networks.reaches(p2p.TorV3))
	local := func() []localAddress { return s.succeeds("getnetworkinfo", `[]`).(networkInfo).LocalAddresses }

	ended := concurrently(t.Context(), s.serveOnion)
	require.Equal(t, "NEW:ED25519-V3 PoWDefensesEnabled=1 Port=8333,127.0.0.1:8334", <-d.added)
	d.release <- struct{}{}
	require.ErrorIs(t, <-ended, io.EOF)
	require.Empty(t, local())
	require.True(t, s.cfg.Networks.reaches(p2p.TorV3))
	require.Equal(t, []p2p.Proxy{{Network: p2p.TorV3, Address: "127.0.0.1:9150", Randomize: true}}, s.cfg.Networks.route(onion))
	info, err := os.Stat(filepath.Join(dir, "onion_v3_private_key"))
	require.NoError(t, err)
	require.EqualValues(t, len("ED25519-V3:secret"), info.Size())

	ctx, cancel := context.WithCancel(t.Context())
	ended = concurrently(ctx, s.keepOnion)
	require.Equal(t, "ED25519-V3:secret PoWDefensesEnabled=1 Port=8333,127.0.0.1:8334", <-d.added)
	for len(local()) == 0 {
		require.NoError(t, t.Context().Err())
	}
	require.Equal(t, []localAddress{{onion, 8333, 4}}, local())
	cancel()
	d.release <- struct{}{}
	require.NoError(t, <-ended)
	require.Empty(t, local())
}

// TestSmallFiles: what is no regular file, or too large, is not a key.
func TestSmallFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(path, make([]byte, maxOnionKey), 0o600))
	raw, err := readSmall(path, maxOnionKey)
	require.NoError(t, err)
	require.Len(t, raw, maxOnionKey)
	require.NoError(t, os.WriteFile(path, make([]byte, maxOnionKey+1), 0o600))
	for _, bad := range []string{path, dir, "/dev/zero", filepath.Join(dir, "none")} {
		_, err := readSmall(bad, maxOnionKey)
		require.Error(t, err, bad)
	}
}

// TestDaemonThatRefuses: it is left in peace for a minute, unless it hangs up or tells more
// than it may, and asked again by a new connection then.
func TestDaemonThatRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		then  string // what the daemon sends after its refusal
		ends  bool   // and whether it hangs up
		after time.Duration
	}{
		"stays silent":       {after: torRefusal},
		"tells other things": {then: strings.Repeat("250-more\r\n", 1000) + "250 OK\r\n650 STATUS\r\n", after: torRefusal},
		"hangs up":           {ends: true},
		"tells too much":     {then: strings.Repeat("250-more\r\n", 1001)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				daemons := make(chan net.Conn)
				s := newShip(t, Config{Tor: TorControl{Address: "127.0.0.1:9051"}})
				s.env.Dial = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					daemons <- theirs
					return ours, nil
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := concurrently(ctx, s.keepOnion)
				d := <-daemons
				require.Equal(t, "PROTOCOLINFO 1\r\n", heard(t, d))
				_, err := io.WriteString(d, "250-AUTH METHODS=COOKIE\r\n250 OK\r\n"+test.then)
				require.NoError(t, err)
				began := time.Now()
				if test.ends {
					d.Close()
				}
				again := <-daemons
				require.Equal(t, test.after+firstTorPause, time.Since(began))
				require.Equal(t, "PROTOCOLINFO 1\r\n", heard(t, again))
				cancel()
				require.NoError(t, <-ended)
			})
		})
	}
}

func heard(t *testing.T, c net.Conn) string {
	buf := make([]byte, 1000)
	n, err := c.Read(buf)
	require.NoError(t, err)
	return string(buf[:n])
}

// TestAKeyThatCannotBeRead is not replaced by another: peers know us by it.
func TestAKeyThatCannotBeRead(t *testing.T) {
	d := newTorDaemon(t)
	dir := t.TempDir()
	path := filepath.Join(dir, onionFile)
	require.NoError(t, os.WriteFile(path, make([]byte, maxOnionKey+1), 0o600))
	s := newShip(t, Config{DataDir: dir, Tor: TorControl{Address: d.l.Addr().String()}})
	require.ErrorContains(t, s.serveOnion(t.Context()), path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, maxOnionKey+1, info.Size())
}

// TestTheSupervisorAnswersTor: the manager may open no file of Tor's.
func TestTheSupervisorAnswersTor(t *testing.T) {
	s := newShip(t, Config{})
	asked := torcontrol.Challenge{Ours: [32]byte{1}, Theirs: [32]byte{2}, Hash: []byte{3}}
	_, err := s.proveTor("/run/tor/cookie", asked)
	require.Error(t, err, "nobody does")
	mux := bus.NewMux()
	msg.ProveTor.Handle(mux, func(_ context.Context, req msg.ProveTorRequest) (msg.ProveTorReply, error) {
		require.Equal(t, msg.ProveTorRequest{Path: "/run/tor/cookie", Ours: asked.Ours, Theirs: asked.Theirs, Hash: asked.Hash}, req)
		return msg.ProveTorReply{Proof: []byte{4}}, nil
	})
	s.bus.Conn(roles.Supervisor, "supervisor", mux)
	proof, err := s.proveTor("/run/tor/cookie", asked)
	require.NoError(t, err)
	require.Equal(t, []byte{4}, proof)
}
