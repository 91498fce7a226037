package p2p

import (
	"cmp"
	"net/netip"
	"strings"
)

// Host is an address without a port, of any network. Hosts can be compared; the zero
// value is none.
type Host struct {
	network NetworkID
	raw     string // as BIP155 sends it
}

// cjdnsPrefix is the first byte of all addresses of CJDNS: fc00::/8.
const cjdnsPrefix = 0xfc

// NewHost makes a host of what BIP155 sends: 4 or 16 bytes of an IP address, the 32
// of a public key of Tor, the 32 of a hash of I2P. It reports false if the network is
// not known, the length is another, or the address is not of the network.
func NewHost(network NetworkID, raw []byte) (Host, bool) {
	length, _ := network.AddressLength()
	if length == 0 || len(raw) != length {
		return Host{}, false
	}
	switch network {
	case IPv4, IPv6:
		ip, _ := netip.AddrFromSlice(raw)
		return HostOf(ip), true
	case CJDNS:
		if raw[0] != cjdnsPrefix {
			return Host{}, false
		}
	}
	return Host{network, string(raw)}, true
}

// HostOf makes a host of an IP address: none of an invalid one.
func HostOf(ip netip.Addr) Host {
	ip = ip.Unmap().WithZone("")
	switch {
	case ip.Is4():
		return Host{IPv4, string(ip.AsSlice())}
	case ip.Is6():
		return Host{IPv6, string(ip.AsSlice())}
	}
	return Host{}
}

// IsValid reports whether h is a host at all.
func (h Host) IsValid() bool { return h.network != 0 }

// Network returns the network the host is of, 0 for none.
func (h Host) Network() NetworkID { return h.network }

// Raw returns the address as BIP155 sends it.
func (h Host) Raw() []byte { return []byte(h.raw) }

// IP returns an IPv4, IPv6 or CJDNS address.
func (h Host) IP() (netip.Addr, bool) {
	if h.network != IPv4 && h.network != IPv6 && h.network != CJDNS {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice([]byte(h.raw))
}

// ToCJDNS returns the host of CJDNS that an IPv6 address of fc00::/8 is on a machine
// that is on that network, and any other host as it is.
func (h Host) ToCJDNS() Host {
	if h.network == IPv6 && h.raw[0] == cjdnsPrefix {
		h.network = CJDNS
	}
	return h
}

// Routable reports whether strangers could reach the host, if they are on its network.
func (h Host) Routable() bool {
	switch h.network {
	case TorV3, I2P, CJDNS:
		return true
	}
	ip, ok := h.IP()
	return ok && Routable(ip)
}

// IsLocal reports whether the host is this machine: 127.0.0.0/8, 0.0.0.0/8 or ::1.
func (h Host) IsLocal() bool {
	ip, ok := h.IP()
	return ok && (ip.IsLoopback() || h.network == IPv4 && h.raw[0] == 0)
}

// NetworkName is Bitcoin Core's name of the network over which the host is reached.
func (h Host) NetworkName() string {
	if !h.Routable() {
		return "not_publicly_routable"
	}
	return h.network.Name()
}

// Compare orders hosts by network and address.
func (h Host) Compare(other Host) int {
	return cmp.Or(cmp.Compare(h.network, other.network), strings.Compare(h.raw, other.raw))
}

// Bits of the groups of each network: see Group.
const (
	groupIPv4  = 16
	groupIPv6  = 32
	groupHeNet = 36 // one provider, which gives many people large networks
	groupKeys  = 4  // Tor and I2P, where addresses cost nothing
	groupCJDNS = 8 + groupKeys
)

// Group is the part of a network that one operator is likely to own, as Bitcoin Core
// draws it: /16 of IPv4, also of an address that is embedded in an IPv6 one, /32 of
// IPv6, and a sixteenth of the networks whose addresses are keys. All hosts that are
// not routable are one group. The text has no further meaning.
func (h Host) Group() string {
	if !h.Routable() {
		return "\x00"
	}
	if v4, ok := h.LinkedIPv4(); ok {
		return "\x01" + string(v4[:2])
	}
	bits := groupIPv6
	switch {
	case h.network == TorV3 || h.network == I2P:
		bits = groupKeys
	case h.network == CJDNS:
		bits = groupCJDNS
	case strings.HasPrefix(h.raw, "\x20\x01\x04\x70"):
		bits = groupHeNet
	}
	group := string([]byte{h.class()}) + h.raw[:bits/8]
	if rest := bits % 8; rest > 0 {
		group += string([]byte{h.raw[bits/8] | byte(1<<(8-rest)-1)})
	}
	return group
}

// class is the number that Bitcoin Core gives a network.
func (h Host) class() byte {
	switch h.network {
	case TorV3:
		return 3
	case I2P:
		return 4
	case CJDNS:
		return 5
	}
	return byte(h.network)
}

// LinkedIPv4 returns the IPv4 address that an address is or leads to: by translation
// (RFC 6052, RFC 6145), 6to4 (RFC 3964) or Teredo (RFC 4380).
func (h Host) LinkedIPv4() (v4 [4]byte, ok bool) {
	switch {
	case h.network == IPv4:
		return [4]byte([]byte(h.raw)), true
	case h.network != IPv6:
	case strings.HasPrefix(h.raw, "\x00\x64\xff\x9b\x00\x00\x00\x00\x00\x00\x00\x00"),
		strings.HasPrefix(h.raw, "\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00"):
		return [4]byte([]byte(h.raw[12:])), true
	case strings.HasPrefix(h.raw, "\x20\x02"):
		return [4]byte([]byte(h.raw[2:6])), true
	case strings.HasPrefix(h.raw, "\x20\x01\x00\x00"):
		for i := range v4 {
			v4[i] = ^h.raw[12+i]
		}
		return v4, true
	}
	return v4, false
}
