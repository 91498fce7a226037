package ship

import (
	"net"
	"net/netip"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

// ownAddresses are those at which peers may find us: of -externalip, and, if they are
// to be found out, those that are listened at.
func ownAddresses(s *config.Settings, chain chains.Chain, at []binding, find lookup) (own manager.Own, err error) {
	own.Port, own.Listening = listenPort(s, chain, at), listening(s)
	own.Discover = s.Bool("discover", own.Listening && !s.Has("externalip") && !proxyGiven(s))
	for _, text := range s.List("externalip") {
		name, port, ok := p2p.SplitHostPort(text, own.Port)
		host, literal := p2p.ParseHost(name)
		if ok && !literal && name != "" && s.Bool("dns", true) {
			if ip, err := find(name); err == nil {
				host = p2p.HostOf(ip)
			}
		}
		if !ok || !host.IsValid() {
			return own, config.Complain("Cannot resolve -externalip address: '%s'", text)
		}
		own.Addresses = append(own.Addresses, manager.OwnAddress{Host: host.String(), Port: port, Score: manager.ByUser})
	}
	if own.Discover {
		own.Addresses = append(own.Addresses, discovered(at, own.Port)...)
	}
	return own, nil
}

// listenPort is the port that peers are told of where none is named.
func listenPort(s *config.Settings, chain chains.Chain, at []binding) uint16 {
	for _, b := range at {
		if end, err := netip.ParseAddrPort(b.addr); err == nil && !b.onion && !b.i2p && !b.trusted {
			return end.Port()
		}
	}
	return uint16(s.Int("port", int64(chain.P2PPort())))
}

// discovered lists the addresses that are listened at. Where that is any of this
// machine, its interfaces have them.
func discovered(at []binding, port uint16) (list []manager.OwnAddress) {
	anywhere := false
	for _, b := range at {
		end, err := netip.ParseAddrPort(b.addr)
		switch {
		case err != nil || b.onion || b.i2p:
		case end.Addr().IsUnspecified():
			anywhere = true
		case !b.trusted:
			list = append(list, manager.OwnAddress{Host: p2p.HostOf(end.Addr()).String(), Port: end.Port(), Score: manager.ByBinding})
		}
	}
	if !anywhere {
		return list
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return list // then peers may tell us
	}
	for _, a := range addrs {
		text, _, _ := strings.Cut(a.String(), "/")
		if ip, err := netip.ParseAddr(text); err == nil && p2p.Routable(ip) {
			list = append(list, manager.OwnAddress{Host: p2p.HostOf(ip).String(), Port: port, Score: manager.ByInterface})
		}
	}
	return list
}
