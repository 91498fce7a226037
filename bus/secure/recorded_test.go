package secure

import (
	"bytes"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// The recordings are what libzmq 4.3.4 sent to this package's side when that
// used fixedKey and fixedRandom, so that they can be replayed to it. go test
// -record makes them anew.
const (
	clientRecording = "libzmq-client.bin"
	serverRecording = "libzmq-server.bin"
)

func recording(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Greater(t, len(b), zmtp.GreetingSize+welcomeBytes)
	return b
}

// replay is a net.Conn that reads what was recorded and keeps what is
// written.
type replay struct {
	net.Conn
	mu      sync.Mutex
	in      io.Reader
	written bytes.Buffer
	closed  bool
}

func newReplay(in []byte) *replay { return &replay{in: bytes.NewReader(in)} }

func (r *replay) Read(p []byte) (int, error) { return r.in.Read(p) }

func (r *replay) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written.Write(p)
}

func (r *replay) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}

// recorder keeps what is read.
type recorder struct {
	net.Conn
	read bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.read.Write(p[:n])
	return n, err
}

// ourTranscript is what a client and a server of this package send to each
// other with fixed keys: greetings, handshake, two frames from each.
func ourTranscript(t testing.TB) (fromClient, fromServer []byte) {
	t.Helper()
	a, b := socketPair(t)
	ra, rb := &recorder{Conn: a}, &recorder{Conn: b}
	frames := []frame{{0, []byte("hello")}, {zmtp.Command, []byte("\x04PING\x00\x01")}}
	talk := func(c *Conn, socketType string) error {
		p, err := newNullPeer(c, socketType)
		if err == nil {
			err = p.send(frames...)
		}
		for i := 0; i < len(frames) && err == nil; i++ {
			_, err = p.receive()
		}
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- talk(fixedServer(ra, Limits{}), "ROUTER") }()
	require.NoError(t, talk(fixedClient(rb, Limits{}), "DEALER"))
	require.NoError(t, <-failed)
	return ra.read.Bytes(), rb.read.Bytes()
}

// split cuts a transcript into greeting and frames with their heads.
func split(t testing.TB, b []byte) (parts [][]byte) {
	t.Helper()
	parts = append(parts, b[:zmtp.GreetingSize])
	for b = b[zmtp.GreetingSize:]; len(b) > 0; {
		head, n := parseHead(b)
		require.LessOrEqual(t, n, len(b))
		end := n + int(head.Size)
		parts = append(parts, b[:end])
		b = b[end:]
	}
	return parts
}

func TestRecordedLibzmqPeersAreUnderstood(t *testing.T) {
	understands(t, "testdata")
}

// TestWhatLibzmqSendsNowIsUnderstoodAsRecorded records anew, into testdata
// only when asked to.
func TestWhatLibzmqSendsNowIsUnderstoodAsRecorded(t *testing.T) {
	dir := t.TempDir()
	if *record {
		dir = "testdata"
	}
	recordClient(t, filepath.Join(dir, clientRecording))
	recordServer(t, filepath.Join(dir, serverRecording))
	understands(t, dir)
}

func understands(t *testing.T, dir string) {
	t.Helper()
	for path, test := range map[string]struct {
		open func(net.Conn, Limits) *Conn
		want string
	}{
		clientRecording: {fixedServer, "\x04PING"},
		serverRecording: {fixedClient, "\x04PONGcontext"},
	} {
		// The PING's place among the frames is libzmq's choice.
		got, _ := io.ReadAll(test.open(newReplay(recording(t, filepath.Join(dir, path))), Limits{}))
		require.Contains(t, string(got), "\x01\x04head\x00\x02x1")
		require.Contains(t, string(got), test.want)
	}
}

func recordClient(t *testing.T, path string) {
	l, endpoint := listen(t)
	cfg := clientKeys(endpoint, fixedKey(2), fixedKey(1).Public())
	cfg["do"], cfg["heartbeat"] = "record", 20
	startLibzmq(t, cfg)
	saveThreeFrames(t, path, accept(t, l), func(tap net.Conn) *nullPeer {
		p, err := newNullPeer(fixedServer(tap, Limits{}), "ROUTER")
		require.NoError(t, err)
		return p
	})
}

func recordServer(t *testing.T, path string) {
	_, nc := dialLibzmq(t, map[string]any{"do": "echo", "secret": hexKey(fixedKey(1)), "public": hexKey(fixedKey(1).Public())})
	saveThreeFrames(t, path, nc, func(tap net.Conn) *nullPeer {
		p, err := newNullPeer(fixedClient(tap, Limits{}), "DEALER")
		require.NoError(t, err)
		require.NoError(t, p.send(message([]byte("head"), []byte("x1"))...))
		require.NoError(t, p.send(frame{zmtp.Command, []byte("\x04PING\x00\x64context")}))
		return p
	})
}

// saveThreeFrames writes what arrives at nc until two frames and a command
// have been read.
func saveThreeFrames(t *testing.T, path string, nc net.Conn, open func(net.Conn) *nullPeer) {
	tap := &recorder{Conn: nc}
	p := open(tap)
	var parts, commands int
	for parts < 2 || commands < 1 {
		f, err := p.receive()
		require.NoError(t, err)
		if f.flags&zmtp.Command != 0 {
			commands++
		} else {
			parts++
		}
	}
	require.NoError(t, os.WriteFile(path, tap.read.Bytes(), 0o644))
}

var record = flag.Bool("record", false, "record what libzmq sends into testdata")
