package endpoint

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Silence is after how long without a sign of life a far peer counts as gone.
// It is to be longer than two of a link's heartbeats.
const Silence = 6 * time.Second

const (
	// writeChunk is how much is written at a time, so that progress shows.
	writeChunk = 64 << 10
	// A write that takes longer than atOnce had to wait for the peer: a buffer
	// with room takes a chunk in microseconds. What comes together to waited is
	// more than the scheduler's doing.
	atOnce = time.Millisecond
	waited = 20 * time.Millisecond
	// notSent bounds what the kernel holds back unsent. A ping must not wait
	// behind megabytes there.
	notSent = 128 << 10
)

// liveConn is a connection that ends when the peer is silent. One goroutine at a
// time may write.
//
// An answer to a ping is a sign of life, but on a slow line the ping, or the
// answer, waits behind what was to be sent before it. So what the peer takes
// counts too: a write that had to wait and then went on shows that the other
// end has acknowledged data. A write that the kernel's buffer takes at once
// shows nothing.
type liveConn struct {
	net.Conn
	begun time.Time
	heard atomic.Int64 // the last sign of life, nanoseconds since begun
	cause atomic.Pointer[SilenceError]
	// waits is how long writes have waited since they last were a sign of life.
	// It belongs to who writes.
	waits time.Duration

	mu    sync.Mutex
	timer *time.Timer // nil until watch
	over  bool
}

func newLiveConn(nc net.Conn) *liveConn {
	keepUnsentSmall(nc)
	return &liveConn{Conn: nc, begun: time.Now()}
}

// keepUnsentSmall bounds what a TCP connection's kernel end holds unsent. It is
// a matter of speed only: a kernel without the option does without.
func keepUnsentSmall(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSent)
	})
}

// watch ends the connection after so much silence, from now on.
func (t *liveConn) watch(silence time.Duration) {
	t.touch()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.timer = time.AfterFunc(silence, func() { t.check(silence) })
	}
}

func (t *liveConn) touch() { t.heard.Store(int64(time.Since(t.begun))) }

func (t *liveConn) check(silence time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	quiet := time.Since(t.begun) - time.Duration(t.heard.Load())
	if quiet < silence {
		t.timer.Reset(silence - quiet)
		return
	}
	t.over = true
	t.cause.Store(&SilenceError{For: quiet})
	t.Conn.Close()
}

func (t *liveConn) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if n > 0 {
		t.touch()
	}
	return n, t.why(err)
}

func (t *liveConn) Write(p []byte) (int, error) {
	total := 0
	for {
		chunk := p[total:min(total+writeChunk, len(p))]
		began := time.Now()
		n, err := t.Conn.Write(chunk)
		total += n
		if err != nil {
			return total, t.why(err)
		}
		t.progress(time.Since(began))
		if total == len(p) {
			return total, nil
		}
	}
}

// progress notes that a write went through, and how long that took.
func (t *liveConn) progress(took time.Duration) {
	if took < atOnce {
		return
	}
	if t.waits += took; t.waits >= waited {
		t.waits = 0
		t.touch()
	}
}

// why tells of silence instead of the closed connection that came of it.
func (t *liveConn) why(err error) error {
	if cause := t.cause.Load(); err != nil && cause != nil {
		return cause
	}
	return err
}

func (t *liveConn) Close() error {
	t.mu.Lock()
	t.over = true
	if t.timer != nil {
		t.timer.Stop()
	}
	t.mu.Unlock()
	return t.Conn.Close()
}

// SilenceError ends a connection whose peer has sent nothing, not even answers to
// pings or acknowledgements.
type SilenceError struct{ For time.Duration }

func (e *SilenceError) Error() string {
	return fmt.Sprintf("the peer has been silent for %s", e.For.Round(time.Millisecond))
}
