package main_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// countingRelay passes connections on to a target and counts their bytes: what is said
// about a rate is seen by neither end.
type countingRelay struct {
	address  string
	up, down atomic.Int64 // to the target, and from it
}

// relayBuffer is what it asks the system to keep of bytes under way: what a reader has
// not read is to wait at the sender.
const relayBuffer = 64 << 10

func startRelay(t testing.TB, target string) *countingRelay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &countingRelay{address: l.Addr().String()}
	var group sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	group.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.DialTimeout("tcp", target, patience)
			if err != nil {
				near.Close()
				continue
			}
			mu.Lock()
			open = append(open, near, far)
			mu.Unlock()
			group.Go(func() { r.pump(far, near, &r.up) })
			group.Go(func() { r.pump(near, far, &r.down) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		group.Wait()
	})
	return r
}

func (r *countingRelay) pump(to, from net.Conn, count *atomic.Int64) {
	defer to.Close()
	defer from.Close()
	for _, c := range []net.Conn{to, from} {
		// The system may keep more: then the figures show it.
		_ = c.(*net.TCPConn).SetReadBuffer(relayBuffer)
		_ = c.(*net.TCPConn).SetWriteBuffer(relayBuffer)
	}
	_, _ = io.Copy(to, countingReader{from, count})
}

type countingReader struct {
	io.Reader
	count *atomic.Int64
}

func (r countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p[:min(len(p), 4<<10)])
	r.count.Add(int64(n))
	return n, err
}
