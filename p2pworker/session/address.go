package session

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/btcsuite/btcd/wire/v2"
)

// NetworkID is a network of BIP155.
type NetworkID byte

// The networks of BIP155 that are in use.
const (
	IPv4  NetworkID = 1
	IPv6  NetworkID = 2
	TorV3 NetworkID = 4
	I2P   NetworkID = 5
	CJDNS NetworkID = 6
)

// Address is a gossiped address.
type Address struct {
	Time     int64 // Unix seconds
	Services wire.ServiceFlag
	Network  NetworkID
	Host     string // raw address bytes: 4, 16 or 32 of them
	Port     uint16
}

// maxAddressBytes is BIP155's limit for networks yet unknown.
const maxAddressBytes = 512

// addressLengths are the sizes of known networks' addresses in bytes.
func addressLength(n NetworkID) (int, string) {
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

// AddressOf makes an Address of an IP endpoint.
func AddressOf(a netip.AddrPort, services wire.ServiceFlag, unix int64) Address {
	ip := a.Addr().Unmap()
	network := IPv6
	if ip.Is4() {
		network = IPv4
	}
	return Address{Time: unix, Services: services, Network: network, Host: string(ip.AsSlice()), Port: a.Port()}
}

// IP returns the endpoint of an IPv4 or IPv6 address.
func (a Address) IP() (netip.AddrPort, bool) {
	if a.Network != IPv4 && a.Network != IPv6 {
		return netip.AddrPort{}, false
	}
	ip, ok := netip.AddrFromSlice([]byte(a.Host))
	return netip.AddrPortFrom(ip.Unmap(), a.Port), ok
}

// Routable reports whether strangers on the internet could reach the address.
func (a Address) Routable() bool {
	ip, ok := a.IP()
	if !ok {
		return a.Network == TorV3 || a.Network == I2P || a.Network == CJDNS
	}
	return Routable(ip.Addr())
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

func (a Address) key() string {
	return string([]byte{byte(a.Network), byte(a.Port >> 8), byte(a.Port)}) + a.Host
}

// fits reports whether the address can be sent in the peer's format.
func (a Address) fits(v2 bool) bool {
	return v2 || a.Network == IPv4 || a.Network == IPv6
}

// readAddresses reads an addr or addrv2 (BIP155) message. The list holds the
// addresses of known networks; n is the count on the wire.
func readAddresses(r *reader, v2 bool) (list []Address, n int, err error) {
	n = r.size()
	for i := 0; i < n && r.err == nil; i++ {
		var a Address
		if v2 {
			a, err = readAddressV2(r)
		} else {
			a = readAddressV1(r)
		}
		if err != nil {
			return nil, n, err
		}
		if a.Network != 0 && r.err == nil {
			list = append(list, a)
		}
	}
	return list, n, r.err
}

func readAddressV1(r *reader) Address {
	a := Address{Time: int64(r.u32()), Services: wire.ServiceFlag(r.u64())}
	end := r.versionAddress()
	if !end.Addr().IsValid() {
		return Address{}
	}
	return AddressOf(end, a.Services, a.Time)
}

func readAddressV2(r *reader) (Address, error) {
	a := Address{Time: int64(r.u32()), Services: wire.ServiceFlag(r.unlimitedSize())}
	network := NetworkID(r.u8())
	size := r.size()
	if size > maxAddressBytes {
		return Address{}, fmt.Errorf("Address too long: %d > %d", size, maxAddressBytes)
	}
	a.Host = string(r.take(size))
	a.Port = r.u16be()
	if r.err != nil {
		return Address{}, nil
	}
	want, name := addressLength(network)
	if name == "" {
		return Address{}, nil // a network of the future
	}
	if size != want {
		return Address{}, fmt.Errorf("BIP155 %s address with length %d (should be %d)", name, size, want)
	}
	a.Network = network
	return a, nil
}

func encodeAddresses(list []Address, v2 bool) []byte {
	b := appendSize(nil, len(list))
	for _, a := range list {
		b = binary.LittleEndian.AppendUint32(b, uint32(a.Time))
		if v2 {
			b = appendUint(b, uint64(a.Services))
			b = append(b, byte(a.Network))
			b = appendSize(b, len(a.Host))
			b = append(b, a.Host...)
			b = binary.BigEndian.AppendUint16(b, a.Port)
			continue
		}
		end, _ := a.IP()
		b = appendVersionAddress(b, a.Services, end)
	}
	return b
}

// appendUint appends a CompactSize that may exceed 32 bits.
func appendUint(b []byte, v uint64) []byte {
	if v <= 0xffffffff {
		return appendSize(b, int(v))
	}
	return binary.LittleEndian.AppendUint64(append(b, 0xff), v)
}
