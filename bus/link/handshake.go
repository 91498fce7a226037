package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
)

const (
	greetingBytes = 64   // ZMTP 3: signature, version, mechanism, as-server, filler
	maxReadyBytes = 1024 // READY with socket type and identity needs about 50
)

// handshakeConn lets zmq4 perform the handshake on buffered I/O. zmq4
// allocates whatever size the peer claims, so the header of the first command
// is checked here, before zmq4 sees it: its size, and that no frame follows.
type handshakeConn struct {
	net.Conn
	r    *reader
	seen int
}

func (h *handshakeConn) Read(p []byte) (int, error) {
	if h.seen < greetingBytes && len(p) > greetingBytes-h.seen {
		p = p[:greetingBytes-h.seen]
	}
	if h.seen == greetingBytes {
		if err := h.checkCommand(); err != nil {
			return 0, err
		}
	}
	n, err := h.r.some(p)
	h.seen += n
	return n, err
}

func (h *handshakeConn) checkCommand() error {
	head, err := h.r.peek(shortFrameHead)
	if err != nil {
		return err
	}
	if head[0]&flagMore != 0 {
		return errors.New("handshake of more than one frame")
	}
	if head[0]&flagLong == 0 {
		return nil
	}
	if head, err = h.r.peek(longFrameHead); err != nil {
		return err
	}
	if size := binary.BigEndian.Uint64(head[1:]); size > maxReadyBytes {
		return &LimitError{What: "handshake command", Size: size, Limit: maxReadyBytes}
	}
	return nil
}

// handshake exchanges greetings and READY commands, and leaves r at the first
// byte after them. It returns the peer's Identity property.
func handshake(nc net.Conn, r *reader, server bool, timeout time.Duration) (identity string, err error) {
	defer func() {
		// zmq4 slices peer metadata without checking lengths.
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed handshake metadata: %v", p)
		}
	}()
	if timeout > 0 {
		if err := nc.SetDeadline(time.Now().Add(timeout)); err != nil {
			return "", err
		}
	}
	kind := zmq4.Dealer
	if server {
		kind = zmq4.Router
	}
	shim := &handshakeConn{Conn: nc, r: r}
	peer, err := zmq4.Open(shim, null.Security(), kind, nil, server, nil)
	if err != nil {
		return "", fmt.Errorf("handshake: %w", err)
	}
	return peer.Peer.Meta["Identity"], nc.SetDeadline(time.Time{})
}
