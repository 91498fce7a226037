package p2p

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"
)

// Endpoint is a host with a port. Endpoints can be compared; the zero value is none.
type Endpoint struct {
	Host Host
	Port uint16
}

// EndpointOf makes an endpoint of an IP address and a port.
func EndpointOf(a netip.AddrPort) Endpoint {
	host := HostOf(a.Addr())
	if !host.IsValid() {
		return Endpoint{}
	}
	return Endpoint{host, a.Port()}
}

// ParseEndpoint reads "host:port" with an address of any network, as String writes it.
// What is not one is the zero value.
func ParseEndpoint(text string) Endpoint {
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return Endpoint{}
	}
	name, bracketed := text[:colon], false
	if len(name) > 1 && name[0] == '[' && name[len(name)-1] == ']' {
		name, bracketed = name[1:len(name)-1], true
	}
	host, literal := ParseHost(name)
	port, err := strconv.ParseUint(text[colon+1:], 10, 16)
	if !literal || err != nil || strings.Contains(name, ":") != bracketed {
		return Endpoint{}
	}
	return Endpoint{host, uint16(port)}
}

// IsValid reports whether the endpoint has a host.
func (e Endpoint) IsValid() bool { return e.Host.IsValid() }

// ToCJDNS is the endpoint with its host as Host.ToCJDNS has it.
func (e Endpoint) ToCJDNS() Endpoint { return Endpoint{e.Host.ToCJDNS(), e.Port} }

// String writes "host:port", with an IPv6 host in brackets; "" for none.
func (e Endpoint) String() string {
	if !e.IsValid() {
		return ""
	}
	if end, ok := e.AddrPort(); ok {
		return end.String()
	}
	return e.Host.String() + ":" + strconv.Itoa(int(e.Port))
}

// AddrPort returns the endpoint if it is one of IPv4, IPv6 or CJDNS.
func (e Endpoint) AddrPort() (netip.AddrPort, bool) {
	ip, ok := e.Host.IP()
	return netip.AddrPortFrom(ip, e.Port), ok
}

// NetAddr makes a gossiped address; unix is the time in seconds.
func (e Endpoint) NetAddr(services wire.ServiceFlag, unix int64) NetAddr {
	return NetAddr{Time: unix, Services: services, Network: e.Host.Network(), Host: e.Host.Raw(), Port: e.Port}
}

// Endpoint returns where a gossiped address leads, the zero value if that is nowhere.
func (a NetAddr) Endpoint() Endpoint {
	host, ok := NewHost(a.Network, a.Host)
	if !ok {
		return Endpoint{}
	}
	return Endpoint{host, a.Port}
}

// SplitHostPort takes "host", "host:port", "[v6]", "[v6]:port" and bare "v6" apart; a
// port that is not named is defaultPort. ok is false for a port that is 0, and for one
// that is no number: that stays a part of host.
func SplitHostPort(text string, defaultPort uint16) (host string, port uint16, ok bool) {
	host, port, ok = text, defaultPort, true
	colon := strings.LastIndexByte(text, ':')
	bracketed := colon > 0 && text[0] == '[' && text[colon-1] == ']'
	if colon >= 0 && (colon == 0 || bracketed || !strings.Contains(text[:colon], ":")) {
		n, err := strconv.ParseUint(text[colon+1:], 10, 16)
		if ok = err == nil && n != 0; err == nil {
			host, port = text[:colon], uint16(n)
		}
	}
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return host, port, ok
}
