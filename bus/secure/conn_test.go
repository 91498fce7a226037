package secure

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

func TestFramesArriveAsTheyWereSent(t *testing.T) {
	server, client := connect(t, Limits{})
	var sent []frame
	for _, size := range []int{0, 1, 200, 222, 223, 224, 254, 255, 256, 65000, 65535, 65536, 70000, 1 << 20, 3 << 20, 1, 0} {
		body := bytes.Repeat([]byte{byte(size + 1)}, size)
		sent = append(sent, frame{0, body}, frame{zmtp.More, body})
		if size < 4096 {
			sent = append(sent, frame{zmtp.Command, body})
		}
	}
	for _, ends := range [][2]*nullPeer{{server, client}, {client, server}} {
		failed := make(chan error, 1)
		go func() { failed <- ends[0].send(sent...) }()
		for i, want := range sent {
			got, err := ends[1].receive()
			require.NoError(t, err)
			require.Equal(t, want.flags, got.flags, "frame %d", i)
			require.True(t, bytes.Equal(want.body, got.body), "frame %d of %d bytes", i, len(want.body))
		}
		require.NoError(t, <-failed)
	}
}

func TestBothDirectionsAtOnceFromTheFirstByte(t *testing.T) {
	a, b := socketPair(t)
	const rounds = 200
	body := bytes.Repeat([]byte("duplex"), 2000)
	failed := make(chan error, 4)
	for nc, socketType := range map[*Conn]string{fixedServer(a, Limits{}): "ROUTER", fixedClient(b, Limits{}): "DEALER"} {
		go func() {
			_, err := nc.Write(nullReady(socketType))
			for i := 0; i < rounds && err == nil; i++ {
				_, err = nc.Write(frame{0, body}.bytes())
			}
			failed <- err
		}()
		go func() {
			p := &nullPeer{Conn: nc, r: bufio.NewReader(nc)}
			_, err := p.r.Discard(zmtp.GreetingSize)
			for i := 0; i < 1+rounds && err == nil; i++ {
				var f frame
				if f, err = p.receive(); err == nil && i > 0 && !bytes.Equal(f.body, body) {
					err = errors.New("a frame was changed")
				}
			}
			failed <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-failed)
	}
}

func TestPiecesOfAnySizeMakeTheSameFrames(t *testing.T) {
	var stream []byte
	for _, f := range append(message([]byte("a"), nil, make([]byte, 300)), frame{zmtp.Command, []byte("\x04PING\x00\x01")}) {
		stream = append(stream, f.bytes()...)
	}
	for step := 1; step <= len(stream); step += 1 + step/8 {
		server, client := connect(t, Limits{})
		written := make(chan error, 1)
		go func() {
			var err error
			for rest := stream; len(rest) > 0 && err == nil; {
				n := min(step, len(rest))
				_, err = client.Write(rest[:n])
				rest = rest[n:]
			}
			written <- err
		}()
		got := make([]byte, 0, len(stream))
		for len(got) < len(stream) {
			n, err := server.r.Read(got[len(got):min(cap(got), len(got)+step)])
			require.NoError(t, err)
			got = got[:len(got)+n]
		}
		require.NoError(t, <-written)
		require.Equal(t, stream, got)
		require.NoError(t, server.Close())
		require.NoError(t, client.Close())
	}
}

func TestEachSideLearnsWhoTheOtherIs(t *testing.T) {
	server, client := connect(t, Limits{})
	s, c := server.Conn.(*Conn), client.Conn.(*Conn)
	require.Equal(t, fixedKey(2).Public(), s.Peer())
	require.Equal(t, fixedKey(1).Public(), c.Peer())
	require.Equal(t, "it", s.PeerIdentity())
	require.Equal(t, "DEALER", s.PeerSocketType())
	require.Equal(t, "ROUTER", c.PeerSocketType())
	require.Empty(t, c.PeerIdentity())
	require.Equal(t, []Property{{"Socket-Type", "DEALER"}, {"Identity", "it"}}, s.PeerMetadata())
	require.Equal(t, newMetadata("DEALER", "it").raw, server.ready, "the inner READY is the peer's metadata")
	require.Equal(t, newMetadata("ROUTER", "").raw, client.ready)
}

func TestOneWriteGoesOutAsOne(t *testing.T) {
	a, b := socketPair(t)
	counted := &countingConn{Conn: b}
	shaken := make(chan error, 1)
	server := fixedServer(a, Limits{})
	go func() { shaken <- server.Handshake(context.Background()) }()
	client, err := newNullPeer(fixedClient(counted, Limits{}), "DEALER")
	require.NoError(t, err)
	require.NoError(t, <-shaken)
	before := counted.writes
	var many []frame
	for range 300 {
		many = append(many, frame{0, make([]byte, 100)})
	}
	require.NoError(t, client.send(many...))
	require.Equal(t, 1, counted.writes-before)
	n, err := client.Conn.(*Conn).WriteBuffers([][]byte{{0}, {3, 'a'}, {'b'}, nil, {'c', 1, 0, 0, 0}})
	require.NoError(t, err)
	require.Equal(t, 9, n)
	require.Equal(t, 2, counted.writes-before)
}

type countingConn struct {
	net.Conn
	writes int
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes++
	return c.Conn.Write(p)
}

func TestAnotherNULLImplementationRunsInside(t *testing.T) {
	a, b := socketPair(t)
	type opened struct {
		conn *zmq4.Conn
		err  error
	}
	other := make(chan opened, 1)
	go func() {
		conn, err := zmq4.Open(fixedServer(a, Limits{}), null.Security(), zmq4.Router, nil, true, nil)
		other <- opened{conn, err}
	}()
	client, err := zmq4.Open(fixedClient(b, Limits{}), null.Security(), zmq4.Dealer, nil, false, nil)
	require.NoError(t, err)
	server := <-other
	require.NoError(t, server.err)
	require.Equal(t, "it", server.conn.Peer.Meta["Identity"])
	require.NoError(t, client.SendMsg(zmq4.NewMsgFrom([]byte("one"), nil, make([]byte, 1000))))
	got, err := server.conn.RecvMsg()
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("one"), {}, make([]byte, 1000)}, got.Frames)
}

func TestAnInnerSideThatIsSomethingElseIsRefused(t *testing.T) {
	for name, first := range map[string][]byte{
		"another type":     nullReady("PUB"),
		"CURVE":            greeting("CURVE", 0, false),
		"no READY":         append(nullReady("")[:64], 0, 1, 'x'),
		"a READY of 2^62":  append(nullReady("")[:64], 6, 0x40, 0, 0, 0, 0, 0, 0, 0),
		"reserved flags":   append(nullReady("DEALER"), 0x80, 0),
		"a frame too long": append(nullReady("DEALER"), 2, 0, 0, 0, 0, 0x7f, 0, 0, 0),
		"command and more": append(nullReady("DEALER"), 5, 0),
	} {
		t.Run(name, func(t *testing.T) {
			_, client := connect(t, Limits{})
			c := client.Conn.(*Conn)
			c.out.phase = inGreeting
			_, err := c.Write(first)
			if !errors.Is(err, ErrLimit) {
				require.ErrorIs(t, err, ErrConfig)
			}
			_, again := c.Write([]byte{0, 0})
			require.Equal(t, err, again)
		})
	}
}

func TestDeadlinesPassThroughAndReadingGoesOn(t *testing.T) {
	server, client := connect(t, Limits{})
	require.NoError(t, server.SetReadDeadline(time.Unix(1, 0)))
	_, err := server.Conn.Read(make([]byte, 10))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, server.SetDeadline(time.Time{}))
	require.NoError(t, client.send(frame{0, []byte("still there")}))
	got, err := server.receive()
	require.NoError(t, err)
	require.Equal(t, "still there", string(got.body))
	require.NoError(t, client.SetWriteDeadline(time.Unix(1, 0)))
	require.ErrorIs(t, client.send(frame{0, nil}), os.ErrDeadlineExceeded)
	require.NoError(t, client.SetWriteDeadline(time.Time{}))
	require.ErrorIs(t, client.send(frame{0, nil}), os.ErrDeadlineExceeded, "a number is lost: the stream has ended")
	require.Equal(t, client.LocalAddr(), client.Conn.(*Conn).nc.LocalAddr())
	require.Equal(t, client.RemoteAddr(), client.Conn.(*Conn).nc.RemoteAddr())
}

func TestCloseEndsWhatWaitsAndWipesTheKey(t *testing.T) {
	server, client := connect(t, Limits{})
	s := server.Conn.(*Conn)
	key := s.ready.Load().key
	require.NotEqual(t, [32]byte{}, *key)
	waiting := make(chan error, 1)
	go func() {
		_, err := server.Conn.Read(make([]byte, 10))
		waiting <- err
	}()
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-waiting, net.ErrClosed)
	require.Equal(t, [32]byte{}, *key)
	_, err := s.Write([]byte{0, 0})
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = client.receive()
	require.ErrorIs(t, err, io.EOF)
}

func TestCloseBeforeTheHandshakeIsFinal(t *testing.T) {
	a, _ := socketPair(t)
	c := fixedServer(a, Limits{})
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Handshake(t.Context()), net.ErrClosed)
	require.Zero(t, c.Peer())
	require.Empty(t, c.PeerIdentity())
	require.Nil(t, c.PeerMetadata())
}

func TestLargeBuffersAreGivenBack(t *testing.T) {
	server, client := connect(t, Limits{})
	s, c := server.Conn.(*Conn), client.Conn.(*Conn)
	require.Equal(t, shakeBytes, len(s.in.buf), "before there is traffic")
	failed := make(chan error, 1)
	go func() { failed <- client.send(frame{0, make([]byte, 4<<20)}) }()
	_, err := server.receive()
	require.NoError(t, err)
	require.NoError(t, <-failed)
	require.Greater(t, len(s.in.buf), 4<<20)
	for range 20 * calmUses {
		require.NoError(t, client.send(frame{0, []byte("calm")}))
		_, err := server.receive()
		require.NoError(t, err)
	}
	require.Equal(t, shakeBytes, len(s.in.buf))
	require.LessOrEqual(t, cap(s.in.plain.buf), bufferBytes)
	require.LessOrEqual(t, cap(c.out.store.buf), bufferBytes)
	require.LessOrEqual(t, cap(c.out.sink.buf), bufferBytes)
}

func TestNothingGetsPastTheEncryption(t *testing.T) {
	_, client := connect(t, Limits{})
	_, raw := client.Conn.(syscall.Conn)
	require.False(t, raw, "whoever finds a descriptor writes to it in the clear")
}
