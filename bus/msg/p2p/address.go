package p2p

import (
	"net/netip"

	"github.com/btcsuite/btcd/wire/v2"
)

// NetworkID is a network of BIP155.
type NetworkID uint8

// The networks of BIP155 that are in use.
const (
	IPv4  NetworkID = 1
	IPv6  NetworkID = 2
	TorV3 NetworkID = 4
	I2P   NetworkID = 5
	CJDNS NetworkID = 6
)

// NetAddr is a gossiped address.
type NetAddr struct {
	Time     int64            `cbor:"1,keyasint"` // Unix seconds
	Services wire.ServiceFlag `cbor:"2,keyasint"`
	Network  NetworkID        `cbor:"3,keyasint"`
	Host     []byte           `cbor:"4,keyasint"` // raw: 4, 16 or 32 bytes
	Port     uint16           `cbor:"5,keyasint"`
}

// AddressLength returns the size of the network's addresses in bytes, and
// BIP155's name of it; zero and "" if the network is not known.
func (n NetworkID) AddressLength() (int, string) {
	switch n {
	case IPv4:
		return 4, "IPv4"
	case IPv6:
		return 16, "IPv6"
	case TorV3:
		return 32, "TORv3"
	case I2P:
		return 32, "I2P"
	case CJDNS:
		return 16, "CJDNS"
	}
	return 0, ""
}

// NetAddrOf makes an address of an IP endpoint.
func NetAddrOf(a netip.AddrPort, services wire.ServiceFlag, unix int64) NetAddr {
	return EndpointOf(a).NetAddr(services, unix)
}

// IP returns the endpoint of an IPv4 or IPv6 address.
func (a NetAddr) IP() (netip.AddrPort, bool) {
	if a.Network != IPv4 && a.Network != IPv6 {
		return netip.AddrPort{}, false
	}
	ip, ok := netip.AddrFromSlice(a.Host)
	return netip.AddrPortFrom(ip.Unmap(), a.Port), ok
}

// Routable reports whether strangers could reach the address, if they are on its
// network.
func (a NetAddr) Routable() bool {
	return a.Endpoint().Host.Routable()
}

// Routable reports whether an IP address is one of the public internet.
func Routable(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// reserved are unicast ranges that are not routed: RFC 2544, 5737, 6598, 3849, 4843, 7343.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2001:10::/28"),
	netip.MustParsePrefix("2001:20::/28"),
}

// Key tells addresses apart, whatever their times and services are.
func (a NetAddr) Key() string {
	return string([]byte{byte(a.Network), byte(a.Port >> 8), byte(a.Port)}) + string(a.Host)
}

// Fits reports whether the address can be sent in an addr message, or, with v2,
// in an addrv2 message (BIP155).
func (a NetAddr) Fits(v2 bool) bool {
	length, _ := a.Network.AddressLength()
	return length > 0 && len(a.Host) == length && (v2 || a.Network == IPv4 || a.Network == IPv6)
}
