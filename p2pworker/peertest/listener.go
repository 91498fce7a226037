package peertest

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// backlog is how many connections wait to be accepted.
const backlog = 128

// Listener is a net.Listener on a Network, whose Accept can be interrupted by
// SetDeadline like that of a TCP listener.
type Listener struct {
	network  *Network
	at       netip.AddrPort
	arrivals chan *conn

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed when the deadline or closed changes
	expired bool
}

// Listen makes an address reachable. It replaces a listener that is there already.
func (n *Network) Listen(at netip.AddrPort) *Listener {
	l := &Listener{network: n, at: at, arrivals: make(chan *conn, backlog), changed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[at] = l
	return l
}

// Accept waits for a connection.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		l.mu.Lock()
		closed, expired, changed := l.closed, l.expired, l.changed
		l.mu.Unlock()
		switch {
		case closed:
			return nil, net.ErrClosed
		case expired:
			return nil, os.ErrDeadlineExceeded
		}
		select {
		case c := <-l.arrivals:
			return c, nil
		case <-changed:
		}
	}
}

// SetDeadline interrupts Accept if t is in the past, and lets it wait again if t is
// zero; other times are not supported, as nobody sets them.
func (l *Listener) SetDeadline(t time.Time) error {
	l.change(func() { l.expired = !t.IsZero() && t.Before(time.Now()) })
	return nil
}

// Close ends Accept; those who dial are refused.
func (l *Listener) Close() error {
	l.network.mu.Lock()
	if l.network.listeners[l.at] == l {
		delete(l.network.listeners, l.at)
	}
	l.network.mu.Unlock()
	l.change(func() { l.closed = true })
	for {
		select {
		case c := <-l.arrivals:
			c.Close()
		default:
			return nil
		}
	}
}

func (l *Listener) change(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
	close(l.changed)
	l.changed = make(chan struct{})
}

// Addr returns the address.
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }
