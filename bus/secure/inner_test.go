package secure

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// socketPair is a connected pair of unix sockets.
func socketPair(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	ends := [2]net.Conn{}
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		ends[i], err = net.FileConn(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		t.Cleanup(func() { ends[i].Close() })
	}
	return ends[0], ends[1]
}

// fixedKey and fixedRandom make a handshake that can be repeated exactly.
func fixedKey(n byte) Key {
	var k Key
	for i := range k {
		k[i] = n + byte(i)
	}
	return k
}

func fixedRandom(n byte) io.Reader { return rand.NewChaCha8([32]byte{n}) }

func fixedServer(nc net.Conn, limits Limits) *Conn {
	return newServer(nc, ServerConfig{Key: fixedKey(1), Limits: limits, Authorize: only(fixedKey(2).Public())}, fixedRandom(1))
}

func fixedClient(nc net.Conn, limits Limits) *Conn {
	return newClient(nc, ClientConfig{Key: fixedKey(2), Server: fixedKey(1).Public(), Identity: "it", Limits: limits}, fixedRandom(2))
}

func only(allowed PublicKey) func(PublicKey) error {
	return func(k PublicKey) error {
		if k != allowed {
			return fmt.Errorf("%s is not on the list", k)
		}
		return nil
	}
}

// frame is one ZMTP frame.
type frame struct {
	flags byte
	body  []byte
}

func (f frame) bytes() []byte { return append(zmtp.AppendHead(nil, f.flags, len(f.body)), f.body...) }

// nullPeer is a ZMTP NULL peer, written for these tests from RFC 23 alone.
type nullPeer struct {
	net.Conn
	r     *bufio.Reader
	ready []byte // metadata of the other side
}

func nullReady(socketType string) []byte {
	g := make([]byte, 64)
	g[0], g[9], g[10] = 0xff, 0x7f, 3
	copy(g[12:], "NULL")
	body := append([]byte("\x05READY\x0bSocket-Type"), 0, 0, 0, byte(len(socketType)))
	body = append(body, socketType...)
	return append(g, append([]byte{4, byte(len(body))}, body...)...)
}

func newNullPeer(nc net.Conn, socketType string) (*nullPeer, error) {
	p := &nullPeer{Conn: nc, r: bufio.NewReaderSize(nc, 64<<10)}
	if _, err := nc.Write(nullReady(socketType)); err != nil {
		return nil, err
	}
	g := make([]byte, 64)
	if _, err := io.ReadFull(p.r, g); err != nil {
		return nil, err
	}
	if g[0] != 0xff || g[9] != 0x7f || g[10] != 3 || string(g[12:17]) != "NULL\x00" || g[32] != 0 {
		return nil, fmt.Errorf("greeting %x", g)
	}
	f, err := p.receive()
	if err != nil || f.flags != 4 || string(f.body[:6]) != "\x05READY" {
		return nil, fmt.Errorf("ready %v: %w", f, err)
	}
	p.ready = f.body[6:]
	return p, nil
}

func (p *nullPeer) receive() (frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(p.r, head[:2]); err != nil {
		return frame{}, err
	}
	size := uint64(head[1])
	if head[0]&2 != 0 {
		if _, err := io.ReadFull(p.r, head[2:]); err != nil {
			return frame{}, err
		}
		size = binary.BigEndian.Uint64(head[1:])
	}
	body := make([]byte, size)
	_, err := io.ReadFull(p.r, body)
	return frame{head[0] &^ 2, body}, err
}

func (p *nullPeer) send(frames ...frame) error {
	var b []byte
	for _, f := range frames {
		b = append(b, f.bytes()...)
	}
	_, err := p.Write(b)
	return err
}

// message is the frames of a multipart message.
func message(parts ...[]byte) (frames []frame) {
	for i, part := range parts {
		f := frame{0, part}
		if i < len(parts)-1 {
			f.flags = zmtp.More
		}
		frames = append(frames, f)
	}
	return frames
}

// connect makes a server and a client that have shaken hands, each with a
// NULL peer inside.
func connect(t testing.TB, limits Limits) (server, client *nullPeer) {
	t.Helper()
	a, b := socketPair(t)
	type result struct {
		peer *nullPeer
		err  error
	}
	other := make(chan result, 1)
	go func() {
		peer, err := newNullPeer(fixedServer(a, limits), "ROUTER")
		other <- result{peer, err}
	}()
	client, err := newNullPeer(fixedClient(b, limits), "DEALER")
	require.NoError(t, err)
	got := <-other
	require.NoError(t, got.err)
	return got.peer, client
}
