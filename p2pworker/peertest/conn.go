package peertest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	// window is how many bytes may be under way in one direction.
	window = 256 << 10
	// packet is how many bytes arrive at once.
	packet = 16 << 10
)

// segment is bytes under way.
type segment struct {
	bytes []byte
	at    time.Time // when they arrive
}

// stream is one direction of a connection.
type stream struct {
	network  *Network
	line     Line
	from, to netip.Addr

	mu       sync.Mutex
	segments []segment
	size     int
	free     time.Time // when the line has sent what it has
	end      error     // nil while it is open; what is under way arrives all the same
	cutOff   bool      // by the reader: nothing arrives any more
	changed  chan struct{}
	deadline [2]time.Time // of reads and writes
}

func newStream(n *Network, line Line, from, to netip.Addr) *stream {
	return &stream{network: n, line: line, from: from, to: to, changed: make(chan struct{})}
}

// wake has all who wait look again.
func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal()
}

func (s *stream) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stream) close(why error) {
	s.mu.Lock()
	if s.end == nil {
		s.end = why
		s.signal()
	}
	s.mu.Unlock()
	s.network.forget(s)
}

// wait unlocks the stream until something changes, at a time or at the deadline.
func (s *stream) wait(at, deadline time.Time) error {
	changed := s.changed
	s.mu.Unlock()
	defer s.mu.Lock()
	if !deadline.IsZero() && (at.IsZero() || deadline.Before(at)) {
		at = deadline
	}
	var timer <-chan time.Time
	if !at.IsZero() {
		t := time.NewTimer(time.Until(at))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-changed:
	case <-timer:
		if !deadline.IsZero() && !time.Now().Before(deadline) {
			return os.ErrDeadlineExceeded
		}
	}
	return nil
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.cutOff {
			return 0, net.ErrClosed
		}
		cut := s.network.cut(s.from, s.to)
		var at time.Time
		if len(s.segments) > 0 && !cut {
			first := &s.segments[0]
			if at = first.at; !at.After(time.Now()) {
				return s.take(b, first), nil
			}
		} else if len(s.segments) == 0 && s.end != nil {
			return 0, s.end
		}
		if err := s.wait(at, s.deadline[0]); err != nil {
			return 0, err
		}
	}
}

// take hands over what has arrived.
func (s *stream) take(b []byte, first *segment) int {
	n := copy(b, first.bytes)
	first.bytes = first.bytes[n:]
	s.size -= n
	if len(first.bytes) == 0 {
		s.segments = s.segments[1:]
	}
	s.signal()
	return n
}

func (s *stream) write(b []byte) (written int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(b) > 0 {
		switch {
		case s.end != nil || s.cutOff:
			return written, net.ErrClosed
		case s.size >= window:
			if err := s.wait(time.Time{}, s.deadline[1]); err != nil {
				return written, err
			}
			continue
		}
		n := min(len(b), packet, window-s.size)
		s.send(append([]byte{}, b[:n]...))
		written, b = written+n, b[n:]
	}
	return written, nil
}

func (s *stream) send(b []byte) {
	now := time.Now()
	if s.free.Before(now) {
		s.free = now
	}
	if s.line.Rate > 0 {
		s.free = s.free.Add(time.Duration(len(b)) * time.Second / time.Duration(s.line.Rate))
	}
	s.segments = append(s.segments, segment{b, s.free.Add(s.line.Delay)})
	s.size += len(b)
	s.signal()
}

// conn is one end of a connection.
type conn struct {
	in, out       *stream
	local, remote netip.AddrPort
}

func (c *conn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b) }

// Close ends both directions; the other end reads what is under way.
func (c *conn) Close() error {
	c.out.close(io.EOF)
	c.in.mu.Lock()
	c.in.cutOff = true
	c.in.signal()
	c.in.mu.Unlock()
	c.in.close(net.ErrClosed)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error  { return c.in.setDeadline(0, t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.out.setDeadline(1, t) }

func (s *stream) setDeadline(which int, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline[which] = t
	s.signal()
	return nil
}
