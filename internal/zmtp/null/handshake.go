package null

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"
	zmq4null "github.com/go-zeromq/zmq4/security/null"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// maxReady bounds the peer's READY, in bytes: one with a socket type and an
// identity needs about 50.
const maxReady = 1024

// Reader brings what the peer sends, through a buffer of at least
// zmtp.LongHead bytes.
type Reader interface {
	io.Reader
	// Peek waits for n bytes and returns exactly them, which stay unread, or an
	// error.
	Peek(n int) ([]byte, error)
}

// Handshake exchanges greetings and READY commands over nc, whose input is r, and
// leaves r at the first byte after them. socketType is this side's, as RFC 23
// spells it ("DEALER"). It returns the Identity property of the peer's READY, ""
// if there is none.
//
// It fails if it takes longer than timeout, where that is positive, and otherwise
// leaves nc without a deadline. A READY that claims to be too large is a
// *zmtp.LimitError.
func Handshake(nc net.Conn, r Reader, socketType string, timeout time.Duration) (identity string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed handshake metadata: %v", p)
		}
	}()
	if timeout > 0 {
		if err := nc.SetDeadline(time.Now().Add(timeout)); err != nil {
			return "", err
		}
	}
	peer, err := zmq4.Open(&guard{Conn: nc, r: r}, zmq4null.Security(), zmq4.SocketType(socketType), nil, false, nil)
	if err != nil {
		return "", fmt.Errorf("handshake: %w", err)
	}
	return peer.Peer.Meta["Identity"], nc.SetDeadline(time.Time{})
}

// guard is the connection as zmq4 sees it: no read crosses the end of the
// greeting, where the peer's first command is looked at.
type guard struct {
	net.Conn
	r    Reader
	read int // bytes
}

func (g *guard) Read(p []byte) (int, error) {
	switch {
	case g.read < zmtp.GreetingSize:
		p = p[:min(len(p), zmtp.GreetingSize-g.read)]
	case g.read == zmtp.GreetingSize:
		if err := g.checkReady(); err != nil {
			return 0, err
		}
	}
	n, err := g.r.Read(p)
	g.read += n
	return n, err
}

// checkReady refuses a first command that is not one frame of a small size.
// Reserved flags are left to zmq4, which passes over them.
func (g *guard) checkReady() error {
	for need := zmtp.ShortHead; ; {
		b, err := g.r.Peek(need)
		if err != nil {
			return err
		}
		head, n, _ := zmtp.ParseHead(b)
		switch {
		case head.More():
			return errors.New("handshake of more than one frame")
		case head.Size > maxReady:
			return &zmtp.LimitError{What: "handshake command", Size: head.Size, Limit: maxReady}
		case n <= need:
			return nil
		}
		need = n
	}
}
