package peertest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Line is what lies between two hosts.
type Line struct {
	Delay time.Duration // one way
	Rate  int           // bytes a second, one way; 0 for any
}

// Network is where hosts find each other. It is ready for use when New returns it.
type Network struct {
	line func(a, b netip.Addr) Line

	mu        sync.Mutex
	listeners map[netip.AddrPort]*Listener
	ports     uint16                     // given to those who dial
	apart     func(a, b netip.Addr) bool // nil if all can reach all
	streams   map[*stream]struct{}       // to be woken when that changes
	hosts     sync.WaitGroup             // the goroutines of Host
}

// New makes a network; line says what lies between two hosts, whichever dials.
func New(line func(a, b netip.Addr) Line) *Network {
	return &Network{line: line, listeners: map[netip.AddrPort]*Listener{}, streams: map[*stream]struct{}{}}
}

// Part takes away the ways between the hosts for which apart is true: what is under
// way between them waits, and nobody is told. Nil brings all ways back.
func (n *Network) Part(apart func(a, b netip.Addr) bool) {
	n.mu.Lock()
	n.apart = apart
	streams := make([]*stream, 0, len(n.streams))
	for s := range n.streams {
		streams = append(streams, s)
	}
	n.mu.Unlock()
	for _, s := range streams {
		s.wake()
	}
}

func (n *Network) cut(a, b netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.apart != nil && n.apart(a, b)
}

// Dialer returns the Dial of part.Env of a host. Like a real one it takes a round trip,
// is refused where nobody listens, and gets no answer from a host out of reach.
func (n *Network) Dialer(from netip.Addr) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, err
		}
		if n.cut(from, to.Addr()) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		trip := time.NewTimer(2 * n.line(from, to.Addr()).Delay)
		defer trip.Stop()
		select {
		case <-trip.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		return n.connect(from, to)
	}
}

var errRefused = errors.New("connection refused")

func (n *Network) connect(from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[to]
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: errRefused}
	}
	n.ports++
	mine := netip.AddrPortFrom(from, 1024+n.ports%60000)
	line := n.line(from, to.Addr())
	there, back := newStream(n, line, from, to.Addr()), newStream(n, line, to.Addr(), from)
	n.streams[there], n.streams[back] = struct{}{}, struct{}{}
	select {
	case l.arrivals <- &conn{in: there, out: back, local: to, remote: mine}:
	default:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: errRefused}
	}
	return &conn{in: back, out: there, local: mine, remote: to}, nil
}

func (n *Network) forget(s *stream) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.streams, s)
}

// Host has serve called for each connection to an address, in a goroutine of its own,
// until Close.
func (n *Network) Host(at netip.AddrPort, serve func(net.Conn)) {
	l := n.Listen(at)
	n.hosts.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			n.hosts.Go(func() {
				defer nc.Close()
				serve(nc)
			})
		}
	})
}

// Close ends all connections and listeners, and returns when the functions of all
// hosts have.
func (n *Network) Close() {
	n.mu.Lock()
	listeners, streams := n.listeners, n.streams
	n.listeners, n.streams = map[netip.AddrPort]*Listener{}, map[*stream]struct{}{}
	n.mu.Unlock()
	for _, l := range listeners {
		l.Close()
	}
	for s := range streams {
		s.close(net.ErrClosed)
	}
	n.hosts.Wait()
}
