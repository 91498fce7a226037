package dialler

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Why a target is not tried.
var (
	errNoDNS    = errors.New("DNS lookups are disabled")
	errNoProxy  = errors.New("there is no proxy for its network")
	errBadName  = errors.New("it is no address of its network")
	errNoResult = errors.New("its name leads nowhere")
)

// maxWays is how many addresses of a name are tried: as many as an answer has room for,
// each with the longest path of a proxy.
const maxWays = 128

// Dialler finds ways to where an order is to lead, and makes connections by them.
type Dialler interface {
	// Find returns at least one way, in the order in which they are to be tried, or an
	// error. A name that no proxy looks up is looked up.
	Find(ctx context.Context, order p2p.DialOrder) ([]Way, error)
	// Reach connects by a way that Find has returned: to the proxy if it has one.
	Reach(ctx context.Context, way Way) (net.Conn, error)
}

// Way is one to where an order is to lead.
type Way struct {
	// Host is an address, or a name if the proxy is to look it up.
	Host string
	Port uint16
	// Proxy is who is asked to connect there, nil for a connection without one.
	Proxy *p2p.Proxy

	order  uint64
	number int // among those of the order
}

// End is where the way leads, the zero value if only a name is known.
func (w Way) End() p2p.Endpoint {
	host, _ := p2p.ParseHost(w.Host)
	if !host.IsValid() {
		return p2p.Endpoint{}
	}
	return p2p.Endpoint{Host: host, Port: w.Port}
}

// first is who is connected to, as net has it.
func (w Way) first() (network, address string) {
	switch {
	case w.Proxy == nil:
		return "tcp", net.JoinHostPort(w.Host, strconv.Itoa(int(w.Port)))
	case strings.HasPrefix(w.Proxy.Address, p2p.UnixPrefix):
		return "unix", strings.TrimPrefix(w.Proxy.Address, p2p.UnixPrefix)
	}
	return "tcp", w.Proxy.Address
}

// Config is what a Dialler needs to know. It crosses to the process as JSON.
type Config struct {
	// DefaultPort completes targets that name none.
	DefaultPort uint16
	NoDNS       bool `option:"!dns"`
	// ConnectTimeout bounds one try (-timeout), and the looking up of a name; 0 stands
	// for 5 s.
	ConnectTimeout time.Duration
}

func (c Config) withDefaults() Config {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	return c
}

// resolve looks up a name.
type resolve func(ctx context.Context, name string) ([]netip.Addr, error)

// ways finds them. A name goes to the proxy for names if there is one, and is not looked
// up here then. What is private has a proxy, and is not looked up: whoever ordered it, the
// peer would see our address.
func (c Config) ways(ctx context.Context, order p2p.DialOrder, lookUp resolve) (list []Way, err error) {
	name, port, _ := p2p.SplitHostPort(order.Target, 0)
	host, ok := p2p.ParseHost(name)
	private := order.Kind == p2p.PrivateBroadcast
	switch {
	case private && len(order.Proxies) == 0:
		return nil, errNoProxy
	case !ok && (private || p2p.IsHidden(name)):
		return nil, errBadName
	}
	if port == 0 && host.Network() != p2p.I2P { // where there are none
		port = c.DefaultPort
	}
	byName := proxyFor(0, order.Proxies)
	switch {
	case ok:
		list, err = appendWay(nil, host, port, firstOf(order.Proxies))
	case byName != nil:
		list = []Way{{Host: name, Port: port, Proxy: byName}}
	default:
		list, err = c.waysOf(ctx, name, port, order.Proxies, lookUp)
	}
	for i := range list {
		list[i].order, list[i].number = order.ID, i
	}
	return list, err
}

// waysOf are those to the addresses of a name, by chance.
func (c Config) waysOf(ctx context.Context, name string, port uint16, proxies []p2p.Proxy, lookUp resolve) (list []Way, err error) {
	if c.NoDNS {
		return nil, errNoDNS
	}
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	ips, err := lookUp(ctx, name)
	if err != nil {
		return nil, err
	}
	rand.Shuffle(len(ips), func(i, j int) { ips[i], ips[j] = ips[j], ips[i] })
	err = errNoResult
	for _, ip := range ips[:min(len(ips), maxWays)] {
		host := p2p.HostOf(ip)
		if more, failed := appendWay(list, host, port, proxyOf(host, proxies)); failed == nil {
			list, err = more, nil
		}
	}
	return list, err
}

// appendWay adds the way to an address.
func appendWay(list []Way, host p2p.Host, port uint16, proxy *p2p.Proxy) ([]Way, error) {
	if _, ip := host.IP(); proxy == nil && !ip {
		return nil, errNoProxy
	}
	return append(list, Way{Host: host.String(), Port: port, Proxy: proxy}), nil
}

// proxyOf chooses the proxy for an address that a name was looked up to.
func proxyOf(host p2p.Host, proxies []p2p.Proxy) *p2p.Proxy {
	for _, h := range []p2p.Host{host, host.ToCJDNS()} {
		if proxy := proxyFor(h.Network(), proxies); proxy != nil && h.Routable() {
			return proxy
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

// firstOf is the proxy of an address: whoever ordered that has chosen it.
func firstOf(proxies []p2p.Proxy) *p2p.Proxy {
	if len(proxies) == 0 {
		return nil
	}
	return &proxies[0]
}
