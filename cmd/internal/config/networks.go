package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// AllowedNetworks reads -rpcallowip.
func (s *Settings) AllowedNetworks() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range s.List("rpcallowip") {
		prefix, err := parseNetwork(text)
		if err != nil || s.Bool("cjdnsreachable", false) && cjdns().Contains(prefix.Addr()) {
			return nil, Complain("Invalid -rpcallowip subnet specification: %s. Valid values are a single IP (e.g. 1.2.3.4), a network/netmask (e.g. 1.2.3.4/255.255.255.0), a network/CIDR (e.g. 1.2.3.4/24), all ipv4 (0.0.0.0/0), or all ipv6 (::/0). RFC4193 is allowed only if -cjdnsreachable=0.", text)
		}
		networks = append(networks, prefix)
	}
	return networks, nil
}

// cjdns are the addresses of that network, which are private ones where it is not.
func cjdns() netip.Prefix { return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfc}), 8) }

// parseNetwork reads an address, a CIDR network, or an IPv4 network with a
// dotted mask. An address may stand in brackets.
func parseNetwork(text string) (netip.Prefix, error) {
	host, mask, hasMask := strings.Cut(text, "/")
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if host, ok = strings.CutSuffix(inner, "]"); !ok {
			return netip.Prefix{}, fmt.Errorf("a bracket without an end")
		}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !hasMask {
		return addr.Prefix(addr.BitLen())
	}
	if ip := net.ParseIP(mask).To4(); ip != nil && addr.Is4() {
		ones, bits := net.IPMask(ip).Size()
		if bits == 0 {
			return netip.Prefix{}, fmt.Errorf("mask %s has holes", mask)
		}
		return addr.Prefix(ones)
	}
	ones, err := strconv.Atoi(mask)
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Prefix(ones)
}
