package secure

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a net.Conn with CURVE outside and NULL inside. One goroutine may
// read while another writes. Its secrets lie behind pointers, where fmt does
// not follow them. It is not a syscall.Conn, and must not become one: what is
// written to the descriptor would be in the clear.
type Conn struct {
	nc    net.Conn
	limit time.Duration

	shaking  sync.Mutex // guards the handshake and shakeErr
	shakeErr error
	shake    func() (*session, error)
	ready    atomic.Pointer[session] // nil before the handshake is done

	reading sync.Mutex
	in      *reader
	writing sync.Mutex
	out     *writer
}

func newConn(nc net.Conn, limits Limits, own metadata) *Conn {
	limits = limits.withDefaults()
	return &Conn{
		nc: nc, limit: limits.Handshake,
		in:  &reader{inbox: newInbox(nc), maxFrame: limits.MaxFrame},
		out: &writer{dst: nc, maxFrame: limits.MaxFrame, socketType: own.get(propSocketType)},
	}
}

func (c *Conn) wire() *wire { return &wire{in: c.in.inbox, out: c.nc} }

// Handshake performs the handshake unless that has been done, and ends it
// with the connection when ctx ends or the configured time is over. What the
// peer did wrong is an *Error; the end of ctx is context.Cause(ctx).
func (c *Conn) Handshake(ctx context.Context) error {
	if c.ready.Load() != nil {
		return nil
	}
	c.shaking.Lock()
	defer c.shaking.Unlock()
	if c.ready.Load() != nil || c.shakeErr != nil {
		return c.shakeErr
	}
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.nc.Close()
		close(closed)
	})
	done, err := c.shake()
	c.shake = nil // drops the keys it holds
	if !stop() {
		<-closed
		if err == nil {
			wipe(done.key)
			err = ctx.Err()
		}
	}
	if err != nil {
		c.shakeErr = handshakeError(ctx, err)
		c.nc.Close()
		return c.shakeErr
	}
	c.in.start(done, innerOpening(done.meta))
	c.out.start(done)
	c.ready.Store(done)
	return nil
}

func (c *Conn) ensureReady() error {
	if c.ready.Load() != nil {
		return nil
	}
	return c.Handshake(context.Background())
}

// Read returns ZMTP with NULL: a greeting and the READY that the handshake
// stands for, then the frames that the peer sent. It returns as many whole
// frames as have arrived and fit into p.
func (c *Conn) Read(p []byte) (int, error) {
	if err := c.ensureReady(); err != nil {
		return 0, err
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	n, err := c.in.read(p)
	if c.in.err != nil && err != nil {
		c.nc.Close()
	}
	return n, err
}

// Write takes ZMTP with NULL, in pieces of any size: a greeting and a READY,
// which end here, then frames. What is complete leaves in one write; the rest
// waits for the next call. After an error nothing more can be written.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.ensureReady(); err != nil {
		return 0, err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.out.write(p)
}

// WriteBuffers is Write for several pieces at once, where net.Buffers would
// make a write of each. The pieces are not changed.
func (c *Conn) WriteBuffers(pieces [][]byte) (int, error) {
	if err := c.ensureReady(); err != nil {
		return 0, err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.out.write(pieces...)
}

// Close closes the connection, waits for calls that are under way, which that
// ends, and wipes the connection's key.
func (c *Conn) Close() error {
	err := c.nc.Close()
	c.shaking.Lock()
	defer c.shaking.Unlock()
	c.reading.Lock()
	defer c.reading.Unlock()
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.shakeErr == nil && c.ready.Load() == nil {
		c.shakeErr = net.ErrClosed
		c.shake = nil
	}
	c.in.end(net.ErrClosed)
	c.out.end(net.ErrClosed)
	if done := c.ready.Load(); done != nil {
		wipe(done.key)
	}
	return err
}

// Peer returns the peer's proven long-term key; zero before the handshake.
func (c *Conn) Peer() PublicKey {
	if done := c.ready.Load(); done != nil {
		return done.peer
	}
	return PublicKey{}
}

// PeerMetadata returns what the peer said of itself, in its order and
// spelling; nil before the handshake. It is as trustworthy as the peer.
func (c *Conn) PeerMetadata() []Property {
	if done := c.ready.Load(); done != nil {
		return append([]Property(nil), done.meta.properties...)
	}
	return nil
}

// PeerIdentity returns the peer's Identity property, of at most 255 bytes of
// any value; empty before the handshake and when there is none.
func (c *Conn) PeerIdentity() string { return c.property(propIdentity) }

// PeerSocketType returns the peer's Socket-Type property; empty before the
// handshake.
func (c *Conn) PeerSocketType() string { return c.property(propSocketType) }

func (c *Conn) property(name string) string {
	if done := c.ready.Load(); done != nil {
		return done.meta.get(name)
	}
	return ""
}

// LocalAddr is the outer connection's.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr is the outer connection's.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// SetDeadline sets the outer connection's deadlines.
func (c *Conn) SetDeadline(t time.Time) error { return c.nc.SetDeadline(t) }

// SetReadDeadline sets the outer connection's; a read may be repeated after it.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.nc.SetReadDeadline(t) }

// SetWriteDeadline sets the outer connection's; after it nothing more can be
// written.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.nc.SetWriteDeadline(t) }
