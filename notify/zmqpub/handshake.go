package zmqpub

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
)

const (
	greetingSize = 64   // ZMTP 3
	maxReady     = 1024 // a READY command needs about 50 bytes
)

// handshake exchanges greetings and READY commands, and leaves r at the first
// byte after them.
func handshake(nc net.Conn, r *bufio.Reader, patience time.Duration) (err error) {
	defer func() {
		// zmq4 slices the metadata of a peer without checking lengths.
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed handshake: %v", p)
		}
	}()
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	guarded := &guardedConn{Conn: nc, r: r}
	if _, err := zmq4.Open(guarded, null.Security(), zmq4.Pub, nil, true, nil); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	return nc.SetDeadline(time.Time{})
}

// guardedConn reads through r and refuses a READY that claims a large size,
// which zmq4 would allocate.
type guardedConn struct {
	net.Conn
	r    *bufio.Reader
	read int
}

func (g *guardedConn) Read(p []byte) (int, error) {
	if g.read < greetingSize {
		p = p[:min(len(p), greetingSize-g.read)]
	} else if g.read == greetingSize {
		if err := g.checkReady(); err != nil {
			return 0, err
		}
	}
	n, err := g.r.Read(p)
	g.read += n
	return n, err
}

func (g *guardedConn) checkReady() error {
	head, err := g.r.Peek(2)
	if err != nil {
		return err
	}
	if head[0]&flagMore != 0 {
		return fmt.Errorf("READY in several frames")
	}
	if head[0]&flagLong == 0 {
		return nil
	}
	if head, err = g.r.Peek(9); err != nil {
		return err
	}
	if size := binary.BigEndian.Uint64(head[1:]); size > maxReady {
		return fmt.Errorf("READY of %d bytes exceeds the limit of %d", size, maxReady)
	}
	return nil
}
