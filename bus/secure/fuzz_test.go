package secure

import (
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

const fuzzFrame = 1 << 16

// addHandshakes adds what real peers sent, whole and cut after each frame.
func addHandshakes(f *testing.F, streams ...[]byte) {
	f.Helper()
	for _, stream := range streams {
		var sofar []byte
		for _, part := range split(f, stream) {
			sofar = append(sofar, part...)
			f.Add(bytes.Clone(sofar))
		}
	}
}

// FuzzServerHandshake: whatever a client sends, the server ends without a
// panic, with the client's true key or an error, and delivers whole frames.
func FuzzServerHandshake(f *testing.F) {
	ours, _ := ourTranscript(f)
	addHandshakes(f, ours, recording(f, filepath.Join("testdata", clientRecording)))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkPeer(t, data, fixedServer, fixedKey(2).Public())
	})
}

// FuzzClientHandshake is FuzzServerHandshake for what a server sends.
func FuzzClientHandshake(f *testing.F) {
	_, ours := ourTranscript(f)
	addHandshakes(f, ours, recording(f, filepath.Join("testdata", serverRecording)))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkPeer(t, data, fixedClient, fixedKey(1).Public())
	})
}

func checkPeer(t *testing.T, data []byte, open func(net.Conn, Limits) *Conn, want PublicKey) {
	c := open(newReplay(data), Limits{MaxFrame: fuzzFrame})
	defer c.Close()
	if err := c.Handshake(t.Context()); err != nil {
		var typed *Error
		if !errors.As(err, &typed) || c.Peer() != (PublicKey{}) {
			t.Fatalf("error %v, peer %s", err, c.Peer())
		}
		return
	}
	if c.Peer() != want || c.PeerSocketType() == "" {
		t.Fatalf("peer %s, type %q", c.Peer(), c.PeerSocketType())
	}
	got, _ := io.ReadAll(c)
	checkFrames(t, got[zmtp.GreetingSize:])
}

// checkFrames parses b as whole ZMTP frames within the limit.
func checkFrames(t *testing.T, b []byte) {
	for len(b) > 0 {
		head, n, err := zmtp.ParseHead(b)
		if err != nil || n > len(b) || head.Size > fuzzFrame || uint64(len(b)-n) < head.Size {
			t.Fatalf("flags %#x, size %d, %d bytes: %v", head.Flags, head.Size, len(b), err)
		}
		b = b[n+int(head.Size):]
	}
}

// shakenSession is what both sides hold after a handshake, without one.
func shakenSession() *session {
	return &session{key: (*[keyBytes]byte)(ptr(fixedKey(3))), sendPrefix: "CurveZMQMESSAGEC", recvPrefix: "CurveZMQMESSAGEC"}
}

func ptr(k Key) *Key { return &k }

// FuzzFrameReader: bytes after the handshake, once as they are and once as the
// content of a genuine MESSAGE, are read without a panic; a genuine one comes
// out as it went in.
func FuzzFrameReader(f *testing.F) {
	ours, theirs := ourTranscript(f)
	for _, stream := range [][]byte{ours, theirs} {
		for _, part := range split(f, stream)[3:] {
			f.Add(part, byte(0), 100)
		}
	}
	f.Add(claim(0, 1<<62), byte(1), 1)
	f.Add([]byte("\x04PING\x00\x01"), byte(2), 9)
	f.Fuzz(func(t *testing.T, data []byte, flags byte, room int) {
		room = 1 + int(uint(room)%200000)
		raw := &reader{inbox: newInbox(bytes.NewReader(data)), maxFrame: fuzzFrame}
		raw.start(shakenSession(), nil)
		drain(t, raw, room)

		if len(data) > fuzzFrame {
			return
		}
		var sealed bytes.Buffer
		w := &writer{dst: &sealed, maxFrame: fuzzFrame, plain: append([]byte{flags}, data...)}
		w.start(shakenSession())
		require.NoError(t, w.seal())
		require.NoError(t, w.flush())
		genuine := &reader{inbox: newInbox(&sealed), maxFrame: fuzzFrame}
		genuine.start(shakenSession(), nil)
		got, err := drain(t, genuine, room)
		if flags > innerCommand {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, frame{flags&innerMore | flags&innerCommand<<1, data}.bytes(), got)
	})
}

func drain(t *testing.T, r *reader, room int) (all []byte, err error) {
	p := make([]byte, room)
	for err == nil {
		var n int
		n, err = r.read(p)
		all = append(all, p[:n]...)
	}
	checkFrames(t, all)
	return all, err
}

// FuzzFrameWriter: what the inner side writes, cut anywhere, is refused or
// comes out at the other side as it went in.
func FuzzFrameWriter(f *testing.F) {
	f.Add(concat(nullReady("DEALER"), []byte("\x01\x01a\x00\x00\x04\x05\x04PONG")), 7)
	f.Add(concat(nullReady("DEALER"), frame{0, make([]byte, 300)}.bytes()), 64)
	f.Add(nullReady("PUB"), 1)
	f.Add(concat(nullReady("DEALER"), claim(0, 1<<62)), 100)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		step = 1 + int(uint(step)%70000)
		var sealed bytes.Buffer
		w := &writer{dst: &sealed, maxFrame: fuzzFrame, socketType: "DEALER"}
		w.start(shakenSession())
		var err error
		for rest := data; len(rest) > 0 && err == nil; {
			n := min(step, len(rest))
			_, err = w.write(rest[:n])
			rest = rest[n:]
		}
		r := &reader{inbox: newInbox(&sealed), maxFrame: fuzzFrame}
		r.start(shakenSession(), nil)
		got, readErr := drain(t, r, step)
		require.ErrorIs(t, readErr, io.EOF)
		if err == nil && w.phase == inTraffic && !w.open && w.heads == 0 {
			require.Equal(t, canonical(t, data), got)
		}
	})
}

// canonical is the frames after the inner READY, with heads of the least
// length.
func canonical(t *testing.T, data []byte) (all []byte) {
	data = data[zmtp.GreetingSize:]
	for first := true; len(data) > 0; first = false {
		head, n := parseHead(data)
		end := n + int(head.Size)
		if !first {
			all = append(all, frame{head.Flags &^ zmtp.Long, data[n:end]}.bytes()...)
		}
		data = data[end:]
	}
	return all
}

// FuzzMetadata: metadata is refused, or written again the same way.
func FuzzMetadata(f *testing.F) {
	f.Add(newMetadata("DEALER", "it").raw)
	f.Add(appendProperty(newMetadata("ROUTER", "").raw, "X-key", "value"))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMetadata(data)
		if err != nil {
			return
		}
		var again []byte
		for _, p := range m.properties {
			again = appendProperty(again, p.Name, p.Value)
		}
		require.True(t, bytes.Equal(data, again))
		require.NotEmpty(t, m.get("socket-type"))
	})
}
