package banlist

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Subnet is what a ban covers: a network of IPv4 or IPv6, one host of another network,
// where neighbouring addresses are not neighbours, all hosts of a network such as Tor,
// or those of an autonomous system. Subnets can be compared.
type Subnet struct {
	host p2p.Host
	bits int // of IPv4 and IPv6
	// all is the network of which every host is meant; host is unset then.
	all p2p.NetworkID
	// system is the number of an autonomous system; host is unset then, too.
	system uint32
}

// SubnetOf is the subnet of one host.
func SubnetOf(host p2p.Host) Subnet {
	s := Subnet{host: host}
	if ip, ok := host.IP(); ok && host.Network() != p2p.CJDNS {
		s.bits = ip.BitLen()
	}
	return s
}

// SubnetOfPrefix is a network of IPv4 or IPv6.
func SubnetOfPrefix(p netip.Prefix) Subnet {
	return Subnet{host: p2p.HostOf(p.Masked().Addr()), bits: p.Bits()}
}

// ParseSubnet reads "1.2.3.4", "1.2.0.0/16", "1.2.0.0/255.255.0.0", IPv6, or an address
// of Tor or I2P. cjdns tells that fc00::/8 is CJDNS, which has no subnets.
func ParseSubnet(text string, cjdns bool) (Subnet, error) {
	address, mask, given := strings.Cut(text, "/")
	host, ok := p2p.ParseHost(address)
	if !ok {
		return Subnet{}, fmt.Errorf("invalid address %q", address)
	}
	if cjdns {
		host = host.ToCJDNS()
	}
	if !given {
		return SubnetOf(host), nil
	}
	ip, ok := host.IP()
	if !ok || host.Network() == p2p.CJDNS {
		return Subnet{}, fmt.Errorf("%s has no subnets", host.Network().Name())
	}
	bits, err := maskBits(mask, ip)
	if err != nil {
		return Subnet{}, err
	}
	prefix, err := ip.Prefix(bits)
	return SubnetOfPrefix(prefix), err
}

// ParseBan reads what ParseSubnet does, or the name of a whole network: ipv4, ipv6,
// onion, i2p or cjdns, or an autonomous system such as AS64496 (RFC 5396).
func ParseBan(text string, cjdns bool) (Subnet, error) {
	if number, ok := strings.CutPrefix(text, "AS"); ok {
		system, err := strconv.ParseUint(number, 10, 32)
		if err != nil || system == 0 {
			return Subnet{}, fmt.Errorf("%q is no autonomous system", text)
		}
		return Subnet{system: uint32(system)}, nil
	}
	for _, network := range p2p.Networks() {
		if text == network.Name() {
			return Subnet{all: network}, nil
		}
	}
	return ParseSubnet(text, cjdns)
}

// maskBits reads a prefix length or a whole mask.
func maskBits(mask string, ip netip.Addr) (int, error) {
	if m, err := netip.ParseAddr(mask); err == nil && m.Is4() == ip.Is4() {
		return leadingOnes(m.AsSlice(), mask)
	}
	if len(mask) == 0 || len(mask) > 3 {
		return 0, fmt.Errorf("invalid mask %q", mask)
	}
	bits := 0
	for _, c := range mask {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("invalid mask %q", mask)
		}
		bits = 10*bits + int(c-'0')
	}
	if bits > ip.BitLen() {
		return 0, fmt.Errorf("mask %q is too long", mask)
	}
	return bits, nil
}

// leadingOnes counts the ones of a mask, after which there must be none.
func leadingOnes(raw []byte, mask string) (bits int, err error) {
	for i := range 8 * len(raw) {
		one := raw[i/8]<<(i%8)&0x80 != 0
		if one && bits < i {
			return 0, fmt.Errorf("mask %q has gaps", mask)
		}
		if one {
			bits++
		}
	}
	return bits, nil
}

// Contains reports whether the subnet covers a host. Which ones are in an autonomous
// system a List knows.
func (s Subnet) Contains(host p2p.Host) bool {
	if s.all != 0 {
		return host.IsValid() && host.Network() == s.all && !host.IsLocal()
	}
	if s.host.Network() != host.Network() || !host.IsValid() {
		return false
	}
	if s.host.Network() != p2p.IPv4 && s.host.Network() != p2p.IPv6 {
		return s.host == host
	}
	ip, _ := host.IP()
	prefix, err := ip.Prefix(s.bits)
	return err == nil && p2p.HostOf(prefix.Addr()) == s.host
}

// size is what subnets have in common of which no two cover the same host.
type size struct {
	network p2p.NetworkID
	bits    int
	all     bool
	system  bool
}

func (s Subnet) size() size {
	if s.system != 0 {
		return size{system: true}
	}
	if s.all != 0 {
		return size{network: s.all, all: true}
	}
	return size{network: s.host.Network(), bits: s.bits}
}

// around returns the one subnet of the size that covers a host, false if none does.
func (z size) around(host p2p.Host) (Subnet, bool) {
	s := Subnet{all: z.network}
	if !z.all {
		s = Subnet{host: host, bits: z.bits}
		if z.network == p2p.IPv4 || z.network == p2p.IPv6 {
			ip, _ := host.IP()
			prefix, err := ip.Prefix(z.bits)
			if err != nil {
				return Subnet{}, false
			}
			s.host = p2p.HostOf(prefix.Addr())
		}
	}
	return s, s.Contains(host)
}

// SubnetOfNetwork is all hosts of a network.
func SubnetOfNetwork(network p2p.NetworkID) Subnet { return Subnet{all: network} }

// System is the number of the autonomous system that the subnet is, 0 if it is none.
func (s Subnet) System() uint32 { return s.system }

// WholeNetwork reports whether the subnet is all hosts of a network.
func (s Subnet) WholeNetwork() bool { return s.all != 0 }

// Host is the first host of the subnet.
func (s Subnet) Host() p2p.Host { return s.host }

// IsValid reports whether the subnet covers anything.
func (s Subnet) IsValid() bool { return s.all != 0 || s.system != 0 || s.host.IsValid() }

// String writes the subnet as ParseSubnet reads it, a single IP address with /32 or
// /128.
func (s Subnet) String() string {
	if s.all != 0 {
		return s.all.Name()
	}
	if s.system != 0 {
		return fmt.Sprintf("AS%d", s.system)
	}
	if ip, ok := s.host.IP(); ok && s.host.Network() != p2p.CJDNS {
		return netip.PrefixFrom(ip, s.bits).String()
	}
	return s.host.String()
}

// compare orders by network, address and size.
func (s Subnet) compare(other Subnet) int {
	return cmp.Or(s.host.Compare(other.host), cmp.Compare(s.bits, other.bits), cmp.Compare(s.all, other.all), cmp.Compare(s.system, other.system))
}
