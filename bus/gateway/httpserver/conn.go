package httpserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"
)

// conn is one connection, served by one goroutine.
type conn struct {
	server *Server
	raw    net.Conn
	in     *bufio.Reader
	out    *bufio.Writer
}

func newConn(s *Server, raw net.Conn) *conn {
	// The buffer for reading has room for the longest line.
	return &conn{server: s, raw: raw, in: bufio.NewReaderSize(raw, maxHead+len("\r\n")), out: bufio.NewWriterSize(raw, 4096)}
}

// serve answers requests until one of both sides has enough.
func (c *conn) serve() {
	defer c.raw.Close()
	for c.next() {
	}
}

// next answers one request and reports whether there may be another.
func (c *conn) next() bool {
	if !c.server.setIdle(c, true) || !c.wait() {
		return false
	}
	if _, err := c.in.Peek(1); err != nil || !c.server.setIdle(c, false) || !c.wait() {
		return false
	}
	h, err := readHead(c.in)
	length := int64(0)
	if err == nil {
		length, err = h.bodyLength()
	}
	if err != nil {
		if errors.Is(err, ErrMalformed) {
			c.server.cfg.Log.Debug("Error reading HTTP request from client " + c.raw.RemoteAddr().String() + ": " + err.Error())
			c.refuse()
		}
		return false
	}
	return c.wait() && c.answer(h, length)
}

// wait gives what is read next its time. What was written before had another.
func (c *conn) wait() bool {
	return c.raw.SetReadDeadline(time.Now().Add(c.server.cfg.Timeout)) == nil && c.raw.SetWriteDeadline(time.Time{}) == nil
}

// refuse answers what cannot be understood, which ends the connection.
func (c *conn) refuse() {
	h := &head{minor: 1}
	r := newResponse(c, h, newBody(c.in, h, noBody))
	r.keep = false
	r.header.Set("Cache-Control", "no-store")
	r.WriteHeader(http.StatusBadRequest)
	if r.finish(c.server.cfg.Timeout) == nil {
		c.linger()
	}
}

// answer runs the handler of a request.
func (c *conn) answer(h *head, length int64) bool {
	ctx, cancel := context.WithCancel(c.server.cfg.Base)
	defer cancel()
	b := newBody(c.in, h, length)
	watch := &watch{conn: c, leave: cancel}
	b.whole = watch.start
	b.before = func() error {
		if h.expects() {
			return c.goOn()
		}
		return nil
	}
	if length == noBody {
		watch.start()
	}
	r := newResponse(c, h, b)
	ok := c.run(r, (&http.Request{
		Method: h.method, RequestURI: h.target, Proto: fmt.Sprintf("HTTP/1.%d", h.minor), ProtoMajor: 1, ProtoMinor: h.minor,
		Header: h.header, Host: h.header.Get("Host"), Body: b, ContentLength: length, RemoteAddr: c.raw.RemoteAddr().String(),
	}).WithContext(ctx))
	ok = ok && r.finish(c.server.cfg.Timeout) == nil
	watch.stop()
	switch {
	case !ok:
		return false
	case r.keep:
		return c.wait() && b.pass()
	case !errors.Is(b.err, io.EOF) || c.in.Buffered() > 0:
		c.linger()
	}
	return false
}

// goOn tells a client that waits for it to send its body.
func (c *conn) goOn() error {
	if err := c.raw.SetWriteDeadline(time.Now().Add(c.server.cfg.Timeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(c.out, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
		return err
	}
	return errors.Join(c.out.Flush(), c.raw.SetWriteDeadline(time.Time{}))
}

// run reports whether the handler has answered: a panic is no answer.
func (c *conn) run(w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if fault := recover(); fault != nil && fault != http.ErrAbortHandler {
			c.server.cfg.Log.Error(fmt.Sprintf("HTTP: %v\n%s", fault, debug.Stack()))
		}
	}()
	c.server.cfg.Handler.ServeHTTP(w, r)
	return true
}

// What a client may still send to a connection that is closed: as long as it has not read
// the answer, to close at once could take that from it.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 64 << 20
)

// linger ends our side of the connection and waits for a moment for the other.
func (c *conn) linger() {
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.raw.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	// There is nothing that depends on what comes.
	_, _ = io.Copy(io.Discard, io.LimitReader(c.raw, lingerBytes))
}

// watch tells while a handler runs that the client has left.
type watch struct {
	conn  *conn
	leave context.CancelFunc
	ended chan struct{} // nil before it has started
}

// start is called when the body is read, however long the handler takes from then on.
func (w *watch) start() {
	if w.ended != nil || w.conn.raw.SetReadDeadline(time.Time{}) != nil {
		return
	}
	w.ended = make(chan struct{})
	go func() {
		defer close(w.ended)
		w.look()
	}()
}

// look reads ahead, as far as there is room for what the client sends next.
func (w *watch) look() {
	in := w.conn.in
	for in.Buffered() < in.Size() {
		switch _, err := in.Peek(in.Buffered() + 1); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err != nil:
			w.leave()
			return
		}
	}
}

// stop joins what start has started.
func (w *watch) stop() {
	if w.ended == nil {
		return
	}
	// If that fails, the connection is closed, which ends the reading as well.
	_ = w.conn.raw.SetReadDeadline(time.Unix(1, 0))
	<-w.ended
}
