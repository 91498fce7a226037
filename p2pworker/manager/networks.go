package manager

import (
	"net/netip"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Networks tells which networks there are for us, and how their hosts are reached.
// Proxies and Reachable may change, with the manager's mutex held: see TorControl.
type Networks struct {
	// Proxies are by network; the one of no network is for names.
	Proxies []p2p.Proxy
	// Reachable are those of which addresses are kept and connections made
	// automatically (-onlynet); nil are IPv4 and IPv6.
	Reachable []p2p.NetworkID
	// CJDNS: the machine is on that network, and fc00::/8 is it (-cjdnsreachable).
	CJDNS bool `option:"cjdnsreachable"`
	// OnionBinds are listening addresses at which only Tor connects.
	OnionBinds []netip.AddrPort
	// I2PBind is the one at which only a router of I2P connects, with what it says first
	// (-i2pacceptincoming); not valid if there is none.
	I2PBind netip.AddrPort
}

func (n Networks) withDefaults() Networks {
	if n.Reachable == nil {
		n.Reachable = []p2p.NetworkID{p2p.IPv4, p2p.IPv6}
	}
	return n
}

// reaches reports whether a network is among those that are reachable.
func (n *Networks) reaches(network p2p.NetworkID) bool { return slices.Contains(n.Reachable, network) }

// proxy returns the proxy of a network; that of none is for names.
func (n *Networks) proxy(network p2p.NetworkID) (p2p.Proxy, bool) {
	i := slices.IndexFunc(n.Proxies, func(p p2p.Proxy) bool { return p.Network == network })
	if i < 0 {
		return p2p.Proxy{}, false
	}
	return n.Proxies[i], true
}

// host is an address as this machine sees it.
func (n *Networks) host(h p2p.Host) p2p.Host {
	if n.CJDNS {
		return h.ToCJDNS()
	}
	return h
}

// endpoint reads what a worker or a client wrote; the zero value if it is none.
func (n *Networks) endpoint(text string) p2p.Endpoint {
	e := p2p.ParseEndpoint(text)
	e.Host = n.host(e.Host)
	return e
}

// route returns the proxies that a target is reached by. Hosts that are not routable,
// such as those of the machine's own network, no proxy would reach.
func (n *Networks) route(target string) []p2p.Proxy {
	text, _, _ := p2p.SplitHostPort(target, 0)
	network := p2p.NetworkID(0)
	if host, ok := p2p.ParseHost(text); ok {
		host = n.host(host)
		if !host.Routable() {
			return nil
		}
		network = host.Network()
	}
	if p, ok := n.proxy(network); ok {
		return []p2p.Proxy{p}
	}
	if network == 0 {
		return slices.DeleteFunc(slices.Clone(n.Proxies), func(p p2p.Proxy) bool { return p.Network == p2p.TorV3 || p.Network == p2p.I2P })
	}
	return nil
}

// setOnion sets the proxy for Tor, which is reachable then. The mutex of the manager is held.
func (n *Networks) setOnion(proxy p2p.Proxy) {
	others := slices.DeleteFunc(slices.Clone(n.Proxies), func(p p2p.Proxy) bool { return p.Network == p2p.TorV3 })
	n.Proxies = append(others, proxy)
	if !n.reaches(p2p.TorV3) {
		n.Reachable = append(slices.Clone(n.Reachable), p2p.TorV3)
	}
}

// through returns the network by which a peer is connected; none if its host is not
// routable.
func (n *Networks) through(remote, local p2p.Endpoint, inbound bool) p2p.NetworkID {
	end, _ := local.AddrPort()
	switch {
	case inbound && slices.Contains(n.OnionBinds, end):
		return p2p.TorV3
	case !remote.Host.Routable():
		return 0
	}
	return remote.Host.Network()
}

// networkOf names the network by which a peer is connected, as Bitcoin Core does.
func (n *Networks) networkOf(remote, local p2p.Endpoint, inbound bool) string {
	if network := n.through(remote, local, inbound); network != 0 {
		return network.Name()
	}
	return remote.Host.NetworkName()
}

// isOnionBind reports whether only Tor connects to an address of ours.
func (n *Networks) isOnionBind(local p2p.Endpoint) bool {
	end, _ := local.AddrPort()
	return slices.Contains(n.OnionBinds, end)
}
