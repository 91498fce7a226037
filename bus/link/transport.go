package link

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// errWouldBlock tells that a connection takes no more at the moment.
var errWouldBlock = errors.New("link: would block")

// transport is a connection that may be able to write without waiting, and
// to wait for input without holding memory for it.
type transport struct {
	net.Conn
	try  func(buffers [][]byte) (int, error) // nil: every write may wait
	read func(b *readBuffer) error           // waits for input and adds it to b
}

// socketBytes is how much a unix socket is asked to hold for a peer: large
// content then takes fewer turns. The system grants what its limits allow.
const socketBytes = 1 << 20

// readBuffer is where a transport puts what it read. Memory is taken when
// there is something to read.
type readBuffer struct {
	mem  *block // nil while empty
	r, w int    // mem.mem[r:w] is unread
}

func (b *readBuffer) unread() []byte {
	if b.mem == nil {
		return nil
	}
	return b.mem.mem[b.r:b.w]
}

// room returns where to read to: the unread bytes begin at the front then.
func (b *readBuffer) room() []byte {
	switch {
	case b.mem == nil:
		b.mem = newBlock(&bufferPool)
		b.r, b.w = 0, 0
	case b.r > 0:
		b.w = copy(b.mem.mem, b.mem.mem[b.r:b.w])
		b.r = 0
	}
	return b.mem.mem[b.w:]
}

// relax gives the memory back if nothing is in it.
func (b *readBuffer) relax() {
	if b.mem != nil && b.r == b.w {
		b.mem.release()
		b.mem = nil
	}
}

// newTransport finds out what nc can do.
func newTransport(nc net.Conn) *transport {
	t := &transport{Conn: nc, read: func(b *readBuffer) error { return readPlain(nc, b) }}
	if p, ok := nc.(*pipeEnd); ok {
		t.try = p.tryWrite
		return t
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return t
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return t
	}
	if u, ok := nc.(*net.UnixConn); ok {
		// Where the system refuses, it stays as it was.
		_ = u.SetWriteBuffer(socketBytes)
	}
	t.try = (&rawWriter{raw: raw}).prepare()
	t.read = (&rawReader{raw: raw}).prepare()
	return t
}

// wholeWriter is a connection that takes many pieces of memory in one write,
// as an encrypted one does.
type wholeWriter interface {
	WriteBuffers([][]byte) (int, error)
}

// write writes all buffers, waiting for the peer to take them.
func (t *transport) write(buffers [][]byte) (int, error) {
	if w, ok := t.Conn.(wholeWriter); ok {
		return w.WriteBuffers(buffers)
	}
	n, err := (*net.Buffers)(&buffers).WriteTo(t.Conn)
	return int(n), err
}

func readPlain(nc net.Conn, b *readBuffer) error {
	n, err := nc.Read(b.room())
	b.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// rawReader reads from a descriptor. It holds a buffer only once there is
// something to read. Its fields are the arguments and results of one call.
type rawReader struct {
	raw syscall.RawConn
	buf *readBuffer
	n   int
	err error
}

func (r *rawReader) prepare() func(*readBuffer) error {
	once := r.once // one closure for all calls
	return func(b *readBuffer) error {
		r.buf, r.n, r.err = b, 0, nil
		if err := r.raw.Read(once); err != nil {
			return err
		}
		b.w += r.n
		if r.err == nil && r.n == 0 {
			return io.EOF
		}
		return r.err
	}
}

func (r *rawReader) once(fd uintptr) bool {
	for {
		r.n, r.err = unix.Read(int(fd), r.buf.room())
		switch r.err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			r.n = 0
			r.buf.relax()
			return false
		}
		r.n = max(r.n, 0)
		return true
	}
}

// rawWriter writes to a descriptor what it takes at once.
type rawWriter struct {
	raw     syscall.RawConn
	buffers [][]byte
	n       int
	err     error
}

func (w *rawWriter) prepare() func([][]byte) (int, error) {
	once := w.once
	return func(buffers [][]byte) (int, error) {
		w.buffers, w.n, w.err = buffers, 0, nil
		err := w.raw.Write(once)
		w.buffers = nil
		if err != nil {
			return 0, err
		}
		return w.n, w.err
	}
}

func (w *rawWriter) once(fd uintptr) bool {
	for {
		if len(w.buffers) == 1 {
			w.n, w.err = unix.Write(int(fd), w.buffers[0])
		} else {
			w.n, w.err = unix.Writev(int(fd), w.buffers)
		}
		switch w.err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			w.err = errWouldBlock
		}
		w.n = max(w.n, 0)
		return true
	}
}
