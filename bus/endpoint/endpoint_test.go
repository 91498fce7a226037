package endpoint_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/endpoint"
	"github.com/bulkheadnode/bulkhead/bus/endpoint/keyring"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/secure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that has to happen.
const patience = 30 * time.Second

// journal is a log whose lines a test waits for.
type journal struct {
	mu    sync.Mutex
	lines []string
	news  chan struct{}
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(p))
	close(j.news)
	j.news = make(chan struct{})
	return len(p), nil
}

// await waits for a line with all of the texts.
func (j *journal) await(t *testing.T, texts ...string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		j.mu.Lock()
		lines, news := slices.Clone(j.lines), j.news
		j.mu.Unlock()
		if slices.ContainsFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
		}) {
			return
		}
		select {
		case <-news:
		case <-timeout:
			require.Fail(t, "not in the log", "%q in\n%s", texts, strings.Join(lines, ""))
		}
	}
}

// site is a broker with an endpoint on TCP.
type site struct {
	t      *testing.T
	dir    string
	broker *broker.Broker
	public secure.PublicKey
	addr   endpoint.Address
	log    *journal
}

func newSite(t *testing.T, change func(*endpoint.Config)) *site {
	t.Helper()
	s := &site{t: t, dir: filepath.Join(t.TempDir(), "ipc"), log: &journal{news: make(chan struct{})}}
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	own, err := keyring.BrokerKey(s.dir)
	require.NoError(t, err)
	s.public = own.Public()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = endpoint.Address{Network: "tcp", Target: l.Addr().String()}
	s.broker = broker.New(broker.Config{Table: bustest.Table(), Logger: logger})
	cfg := endpoint.Config{
		Listeners: []net.Listener{l}, Key: own, Keys: keyring.New(s.dir, logger), Broker: s.broker,
		Logger: logger, Recheck: 20 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { endpoint.New(cfg).Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return s
}

// key makes a key of a role.
func (s *site) key(role rights.Role, name string) (secure.Key, keyring.Pair) {
	s.t.Helper()
	pair, err := keyring.Create(s.dir, role, name, "regtest")
	require.NoError(s.t, err)
	ticket, err := keyring.ReadTicket(pair.Secret)
	require.NoError(s.t, err)
	require.Equal(s.t, s.public, ticket.Broker)
	return ticket.Key, pair
}

func (s *site) open() (net.Conn, error) { return net.Dial(s.addr.Network, s.addr.Target) }

// dial opens a connection that has not shaken hands yet.
func (s *site) dial(cfg secure.ClientConfig) *secure.Conn {
	s.t.Helper()
	nc, err := s.open()
	require.NoError(s.t, err)
	if cfg.Server == (secure.PublicKey{}) {
		cfg.Server = s.public
	}
	conn := secure.Client(nc, cfg)
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// attached is a part at the other end.
type attached struct {
	*bus.Conn
	ended chan error
}

// attach connects a part and returns when it is welcome.
func (s *site) attach(key secure.Key, identity string) *attached {
	s.t.Helper()
	a := &attached{Conn: bus.New(s.dial(secure.ClientConfig{Key: key, Identity: identity}), bus.Config{}), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		a.ended <- a.Run(ctx)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-over
	})
	select {
	case <-a.Ready():
	case err := <-a.ended:
		require.FailNow(s.t, "not welcome", "%v", err)
	case <-time.After(patience):
		require.FailNow(s.t, "no welcome")
	}
	return a
}

func (a *attached) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case <-a.ended:
	case <-time.After(patience):
		require.FailNow(t, "the link is still there")
	}
}

// instances lists what is attached.
func (s *site) instances() []string {
	var names []string
	for _, l := range s.broker.Stats() {
		names = append(names, l.Instance)
	}
	return names
}

// Whoever waited for a silent client would do so for an hour.
func TestSilentClientsDelayNobody(t *testing.T) {
	s := newSite(t, func(c *endpoint.Config) { c.Handshake = time.Hour })
	key, _ := s.key(roles.Client, "")
	for range 500 {
		nc, err := s.open()
		require.NoError(t, err)
		defer nc.Close()
	}
	for range 11 {
		a := s.attach(key, "")
		_, err := msg.Registry.Call(t.Context(), a.Conn, bus.None{})
		require.NoError(t, err)
	}
}

func TestTheOldestSilentClientMakesRoom(t *testing.T) {
	s := newSite(t, func(c *endpoint.Config) { c.Waiting = 8 })
	key, _ := s.key(roles.Client, "")
	var silent []net.Conn
	for range 9 {
		nc, err := s.open()
		require.NoError(t, err)
		defer nc.Close()
		silent = append(silent, nc)
	}
	require.NoError(t, silent[0].SetDeadline(time.Now().Add(patience)))
	_, err := io.Copy(io.Discard, silent[0])
	require.NoError(t, err, "the first was closed, not left waiting")
	s.log.await(t, "refused a connection from "+silent[0].LocalAddr().String(), "this was the oldest")
	s.attach(key, "honest")
}

func TestStrangersAreRefusedWithAReason(t *testing.T) {
	s := newSite(t, nil)
	known, _ := s.key(roles.Client, "")
	handshake := func(cfg secure.ClientConfig) string {
		conn := s.dial(cfg)
		require.Error(t, conn.Handshake(t.Context()))
		return conn.LocalAddr().String()
	}
	greeting := func(mechanism string) string {
		nc, err := s.open()
		require.NoError(t, err)
		defer nc.Close()
		var g [64]byte
		copy(g[:], "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x01"+mechanism)
		_, err = nc.Write(g[:])
		require.NoError(t, err)
		require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
		_, err = io.Copy(io.Discard, nc)
		require.NoError(t, err, "the endpoint closed")
		return nc.LocalAddr().String()
	}
	stranger := secure.Generate()
	for reason, addr := range map[string]string{
		"unknown-client-key":    handshake(secure.ClientConfig{Key: stranger}),
		"wrong-server-key":      handshake(secure.ClientConfig{Key: known, Server: secure.Generate().Public()}),
		"wrong-mechanism: NULL": greeting("NULL"),
		"wrong-mechanism":       greeting("PLAIN"),
	} {
		kind, _, _ := strings.Cut(reason, ":")
		s.log.await(t, "refused a connection from "+addr, kind)
	}
	s.log.await(t, "no key file for "+stranger.Public().String())
	require.Empty(t, s.instances())
}

func TestASilentClientIsDroppedAtItsDeadline(t *testing.T) {
	s := newSite(t, func(c *endpoint.Config) { c.Handshake = 50 * time.Millisecond })
	nc, err := s.open()
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
	_, err = io.Copy(io.Discard, nc)
	require.NoError(t, err)
	s.log.await(t, nc.LocalAddr().String(), "handshake-timeout")
}

func TestNamesOfInstances(t *testing.T) {
	s := newSite(t, nil)
	client, _ := s.key(roles.Client, "")
	worker, _ := s.key(roles.Worker, "")
	wallet, _ := s.key(roles.Wallet, "savings")
	require.Equal(t, "client.explorer-2_b", s.attach(client, "explorer-2_b").Instance())
	require.Equal(t, "wallet.savings.", s.attach(wallet, "savings").Instance())
	for _, identity := range []string{"", "vault"} {
		conn := bus.New(s.dial(secure.ClientConfig{Key: wallet, Identity: identity}), bus.Config{})
		_ = conn.Run(t.Context()) // ends when it is refused
		require.Empty(t, conn.Instance())
		s.log.await(t, "refused a connection", "only under the name that its key was made for")
	}
	for _, identity := range []string{"", "a.b", "white space", strings.Repeat("x", 65)} {
		require.Regexp(t, `^client\.far[0-9]+$`, s.attach(client, identity).Instance())
	}
	require.Regexp(t, `^worker\.far[0-9]+$`, s.attach(worker, "1").Instance(), "that name is for a worker of the ship's own")
}

func TestAHalfOpenLinkIsReplaced(t *testing.T) {
	s := newSite(t, nil)
	key, _ := s.key(roles.Worker, "")
	other, _ := s.key(roles.Worker, "second")
	old := s.attach(key, "b")
	again := s.attach(key, "b")
	old.awaitEnd(t)
	s.log.await(t, "link of worker.b", "replaced by a new link")
	require.Equal(t, []string{"worker.b"}, s.instances())

	conn := bus.New(s.dial(secure.ClientConfig{Key: other, Identity: "b"}), bus.Config{})
	_ = conn.Run(t.Context()) // ends when it is refused
	require.Empty(t, conn.Instance())
	s.log.await(t, "refused a connection", "worker.b is attached with another key")
	select {
	case err := <-again.ended:
		require.Fail(t, "another key ended the link", "%v", err)
	default:
	}

	conn = bus.New(s.dial(secure.ClientConfig{Key: key, Identity: "second"}), bus.Config{})
	_ = conn.Run(t.Context())
	s.log.await(t, "refused a connection", "the name worker.second belongs to the key "+other.Public().String())
}

func TestADeletedKeyFileRevokes(t *testing.T) {
	s := newSite(t, nil)
	key, pair := s.key(roles.Client, "a")
	stays, _ := s.key(roles.Client, "b")
	a, b := s.attach(key, "a"), s.attach(stays, "b")
	require.NoError(t, os.Remove(pair.Public))
	a.awaitEnd(t)
	s.log.await(t, "link of client.a", "its key was withdrawn")
	require.Error(t, s.dial(secure.ClientConfig{Key: key}).Handshake(t.Context()))
	_, err := msg.Registry.Call(t.Context(), b.Conn, bus.None{})
	require.NoError(t, err)
}

func TestTheNumberOfLinksIsBounded(t *testing.T) {
	s := newSite(t, func(c *endpoint.Config) { c.Links = 2 })
	key, _ := s.key(roles.Client, "")
	s.attach(key, "")
	s.attach(key, "last")
	conn := bus.New(s.dial(secure.ClientConfig{Key: key}), bus.Config{})
	_ = conn.Run(t.Context())
	require.Empty(t, conn.Instance())
	s.log.await(t, "refused a connection", "there are 2 links")
	require.Equal(t, "client.last", s.attach(key, "last").Instance(), "a link that is replaced needs no more room")
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]endpoint.Address{
		"unix:/run/b.sock":      {Network: "unix", Target: "/run/b.sock"},
		"unix:///run/b.sock":    {Network: "unix", Target: "/run/b.sock"},
		"unix:b.sock":           {Network: "unix", Target: "b.sock"},
		"tcp://127.0.0.1:1":     {Network: "tcp", Target: "127.0.0.1:1"},
		"tcp:node.example:8330": {Network: "tcp", Target: "node.example:8330"},
		"tcp://[::1]:65535":     {Network: "tcp", Target: "[::1]:65535"},
	} {
		got, err := endpoint.ParseAddress(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		back, err := endpoint.ParseAddress(got.String())
		require.NoError(t, err)
		require.Equal(t, got, back)
	}
	for _, text := range []string{
		"", "unix", "unix:", "unix:@abstract", "unix:/" + strings.Repeat("x", 108), "tcp://", "tcp://host", "tcp://:1",
		"tcp://host:0", "tcp://host:65536", "tcp://host:http", "tcp://::1:1", "127.0.0.1:1", "udp://127.0.0.1:1", "/run/b.sock",
	} {
		_, err := endpoint.ParseAddress(text)
		require.Error(t, err, text)
	}
}

func TestUnixSockets(t *testing.T) {
	addr := endpoint.Address{Network: "unix", Target: filepath.Join(t.TempDir(), "bus.sock")}
	// What a killed process leaves.
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: addr.Target, Net: "unix"})
	require.NoError(t, err)
	dead.SetUnlinkOnClose(false)
	require.NoError(t, dead.Close())
	require.FileExists(t, addr.Target)

	l, err := addr.Listen()
	require.NoError(t, err)
	info, err := os.Stat(addr.Target)
	require.NoError(t, err)
	require.Equal(t, "Srw-------", info.Mode().String())
	_, err = addr.Listen()
	require.ErrorContains(t, err, "address already in use")

	s := newSite(t, func(c *endpoint.Config) { c.Listeners = append(c.Listeners, l) })
	s.addr = addr
	key, _ := s.key(roles.Client, "")
	s.attach(key, "near")
	s.log.await(t, fmt.Sprintf("client.near attached from unix:%s", addr.Target))

	file := endpoint.Address{Network: "unix", Target: filepath.Join(t.TempDir(), "notes")}
	require.NoError(t, os.WriteFile(file.Target, []byte("keep"), 0o600))
	_, err = file.Listen()
	require.ErrorContains(t, err, "is no socket")
}
