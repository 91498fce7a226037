package link

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const pipeBytes = 256 << 10

// Pipe returns the two ends of a connection in memory. Unlike net.Pipe it is
// buffered in both directions, as a socket is.
func Pipe() (net.Conn, net.Conn) {
	up, down := newHalfPipe(), newHalfPipe()
	return &pipeEnd{in: down, out: up}, &pipeEnd{in: up, out: down}
}

// halfPipe is a bounded ring of bytes with one direction.
type halfPipe struct {
	mu       sync.Mutex
	changed  sync.Cond
	buf      []byte
	start, n int
	closed   bool
	readBy   deadline
	writeBy  deadline
}

// deadline is when waiters are to give up, and what wakes them then. The timer
// must not outlive its purpose: it keeps the pipe.
type deadline struct {
	by   time.Time
	wake *time.Timer
}

func (d *deadline) set(by time.Time, wake func()) {
	d.stop()
	if d.by = by; !by.IsZero() {
		d.wake = time.AfterFunc(time.Until(by), wake)
	}
}

func (d *deadline) stop() {
	if d.wake != nil {
		d.wake.Stop()
		d.wake = nil
	}
}

func (d *deadline) expired() bool { return !d.by.IsZero() && !time.Now().Before(d.by) }

func newHalfPipe() *halfPipe {
	h := &halfPipe{buf: make([]byte, pipeBytes)}
	h.changed.L = &h.mu
	return h
}

func (h *halfPipe) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.n == 0 && len(p) > 0 {
		switch {
		case h.readBy.expired():
			return 0, os.ErrDeadlineExceeded
		case h.closed:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
	n := copy(p, h.buf[h.start:min(h.start+h.n, len(h.buf))])
	h.start = (h.start + n) % len(h.buf)
	h.n -= n
	h.changed.Broadcast()
	return n, nil
}

func (h *halfPipe) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	written := 0
	for written < len(p) {
		switch {
		case h.closed:
			return written, io.ErrClosedPipe
		case h.writeBy.expired():
			return written, os.ErrDeadlineExceeded
		case h.n == len(h.buf):
			h.changed.Wait()
			continue
		}
		written += h.put(p[written:])
	}
	return written, nil
}

// tryWrite writes what fits.
func (h *halfPipe) tryWrite(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	n := h.put(p)
	if n < len(p) {
		return n, errWouldBlock
	}
	return n, nil
}

// put copies what fits into the ring.
func (h *halfPipe) put(p []byte) int {
	written := 0
	for written < len(p) && h.n < len(h.buf) {
		end := (h.start + h.n) % len(h.buf)
		n := copy(h.buf[end:min(end+len(h.buf)-h.n, len(h.buf))], p[written:])
		h.n += n
		written += n
	}
	if written > 0 {
		h.changed.Broadcast()
	}
	return written
}

func (h *halfPipe) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.readBy.stop()
	h.writeBy.stop()
	h.changed.Broadcast()
}

// deadline sets one of h's deadlines and arranges for waiters to look at it.
func (h *halfPipe) deadline(d *deadline, by time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changed.Broadcast()
	if h.closed {
		return // nobody waits any more
	}
	d.set(by, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.changed.Broadcast()
	})
}

// pipeEnd is one end of a Pipe.
type pipeEnd struct{ in, out *halfPipe }

func (e *pipeEnd) Read(p []byte) (int, error) {
	n, err := e.in.read(p)
	return n, err
}

func (e *pipeEnd) Write(p []byte) (int, error) { return e.out.write(p) }

func (e *pipeEnd) tryWrite(buffers [][]byte) (int, error) {
	total := 0
	for _, p := range buffers {
		n, err := e.out.tryWrite(p)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Close closes both directions; what was written before can still be read by
// the other end.
func (e *pipeEnd) Close() error {
	e.in.close()
	e.out.close()
	return nil
}

func (e *pipeEnd) SetReadDeadline(t time.Time) error {
	e.in.deadline(&e.in.readBy, t)
	return nil
}

func (e *pipeEnd) SetWriteDeadline(t time.Time) error {
	e.out.deadline(&e.out.writeBy, t)
	return nil
}

func (e *pipeEnd) SetDeadline(t time.Time) error {
	_ = e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *pipeEnd) LocalAddr() net.Addr  { return pipeAddr{} }
func (e *pipeEnd) RemoteAddr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
