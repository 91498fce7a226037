package p2pworker

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/socks5"
)

// Why a target is not tried.
var (
	errNoDNS    = errors.New("DNS lookups are disabled")
	errNoProxy  = errors.New("there is no proxy for its network")
	errBadName  = errors.New("it is no address of its network")
	errNoResult = errors.New("its name leads nowhere")
)

const (
	// maxResolved is how many addresses of a name are tried.
	maxResolved = 256
	// dialPatience bounds the trying: the manager waits a minute.
	dialPatience = 50 * time.Second
)

// proxyError tells that a proxy could not be reached: nothing is known of the peer.
type proxyError struct {
	address string
	cause   error
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("connect() to the proxy %s failed: %v", e.address, e.cause)
}
func (e *proxyError) Unwrap() error { return e.cause }

// connect dials a target by the way of the order. A name goes to the proxy for names if
// there is one, and is not looked up here then.
func (w *worker) connect(ctx context.Context, order p2p.DialOrder) (net.Conn, error) {
	if order.Kind == p2p.PrivateBroadcast && len(order.Proxies) == 0 {
		return nil, errNoProxy // whoever ordered it, the peer would see our address
	}
	name, port, _ := p2p.SplitHostPort(order.Target, 0)
	host, ok := p2p.ParseHost(name)
	if order.Kind == p2p.PrivateBroadcast && !ok {
		return nil, errBadName // it would be looked up
	}
	if ok && host.Network() == p2p.I2P && len(order.Proxies) > 0 {
		ctx, cancel := context.WithTimeout(ctx, i2pPatience)
		defer cancel()
		return w.connectByI2P(ctx, order.Proxies[0].Address, p2p.Endpoint{Host: host, Port: port})
	}
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	if port == 0 {
		port = w.cfg.DefaultPort
	}
	if ok {
		return w.connectHost(ctx, p2p.Endpoint{Host: host, Port: port}, order.Proxies)
	}
	if p2p.IsHidden(name) {
		return nil, errBadName
	}
	if proxy := proxyFor(0, order.Proxies); proxy != nil {
		return w.connectBy(ctx, *proxy, name, port, p2p.Endpoint{})
	}
	return w.connectName(ctx, name, port, order.Proxies)
}

// connectHost dials an address; whoever ordered that has chosen the proxy for it.
func (w *worker) connectHost(ctx context.Context, to p2p.Endpoint, proxies []p2p.Proxy) (net.Conn, error) {
	if len(proxies) > 0 {
		return w.connectBy(ctx, proxies[0], to.Host.String(), to.Port, to)
	}
	if _, ok := to.Host.IP(); !ok {
		return nil, errNoProxy
	}
	return w.env.DialWithin(ctx, w.cfg.ConnectTimeout, "tcp", to.String())
}

// connectName looks a name up and tries its addresses in random order.
func (w *worker) connectName(ctx context.Context, name string, port uint16, proxies []p2p.Proxy) (net.Conn, error) {
	if w.cfg.NoDNS {
		return nil, errNoDNS
	}
	lookup, cancel := context.WithTimeout(ctx, w.cfg.ConnectTimeout)
	defer cancel()
	// The C library's resolver reads what a worker in a sandbox may not.
	resolver := net.Resolver{PreferGo: true}
	ips, err := resolver.LookupNetIP(lookup, "ip", name)
	if err != nil {
		return nil, err
	}
	err = errNoResult
	for i := range min(len(ips), maxResolved) {
		j := i + int(w.random.Uint64()%uint64(len(ips)-i))
		ips[i], ips[j] = ips[j], ips[i]
		host := p2p.HostOf(ips[i])
		var nc net.Conn
		if nc, err = w.connectHost(ctx, p2p.Endpoint{Host: host, Port: port}, proxiesOf(host, proxies)); err == nil {
			return nc, nil
		}
	}
	return nil, err
}

// proxiesOf chooses the proxy for an address that a name was looked up to.
func proxiesOf(host p2p.Host, proxies []p2p.Proxy) []p2p.Proxy {
	for _, h := range []p2p.Host{host, host.ToCJDNS()} {
		if proxy := proxyFor(h.Network(), proxies); proxy != nil && h.Routable() {
			return []p2p.Proxy{*proxy}
		}
	}
	return nil
}

func proxyFor(network p2p.NetworkID, proxies []p2p.Proxy) *p2p.Proxy {
	i := slices.IndexFunc(proxies, func(p p2p.Proxy) bool { return p.Network == network })
	if i < 0 {
		return nil
	}
	return &proxies[i]
}

// connectBy asks a proxy for a connection to a host, which is an address or a name.
func (w *worker) connectBy(ctx context.Context, proxy p2p.Proxy, host string, port uint16, peer p2p.Endpoint) (net.Conn, error) {
	w.log("proxy", fmt.Sprintf("Using proxy: %s to connect to %s", proxy.Address, net.JoinHostPort(host, strconv.Itoa(int(port)))))
	nc, err := w.reachProxy(ctx, proxy.Address)
	if err != nil {
		return nil, &proxyError{proxy.Address, err}
	}
	stop := closeLater(ctx, nc)
	w.log("net", "SOCKS5 connecting "+host)
	err = socks5.Connect(nc, host, port, credentials(proxy))
	if !stop() && err == nil {
		err = context.Cause(ctx) // it was closed meanwhile
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	w.log("net", "SOCKS5 connected "+host)
	return proxied{nc, peer}, nil
}

func (w *worker) reachProxy(ctx context.Context, address string) (net.Conn, error) {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, p2p.UnixPrefix); ok {
		network, address = "unix", path
	}
	return w.env.DialWithin(ctx, w.cfg.ConnectTimeout, network, address)
}

// credentials are for one connection: Tor makes a circuit of its own for each user.
func credentials(proxy p2p.Proxy) *socks5.Credentials {
	if !proxy.Randomize {
		return nil
	}
	var b [32]byte
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = crand.Read(b[:])
	return &socks5.Credentials{User: hex.EncodeToString(b[:16]), Password: hex.EncodeToString(b[16:])}
}

// proxied is a connection by a proxy: the remote end that counts is the peer, which is
// the zero value if only its name is known.
type proxied struct {
	net.Conn
	peer p2p.Endpoint
}

// RemoteAddr returns where the proxy was asked to connect.
func (c proxied) RemoteAddr() net.Addr { return remoteEnd(c.peer) }

// remoteEnd is an endpoint of any network as an address of net.
type remoteEnd p2p.Endpoint

// Network is always "tcp": that is what peers see.
func (remoteEnd) Network() string  { return "tcp" }
func (a remoteEnd) String() string { return p2p.Endpoint(a).String() }
