package p2p

import (
	"crypto/sha3"
	"encoding/base32"
	"net/netip"
	"strconv"
	"strings"
)

// Endings of the names that stand for keys.
const (
	onionSuffix = ".onion"
	i2pSuffix   = ".b32.i2p"
)

// Of a Tor address: checksum and version follow the key (Tor rend-spec-v3, section 6).
const (
	onionVersion  = 3
	onionChecksum = 2
	keySize       = 32
)

// keyEncoding is RFC 4648's base32 in small letters.
var keyEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ParseHost reads an address of any network: "1.2.3.4", "2a00::1", the 56 letters of a
// Tor key before ".onion", the 52 of a hash before ".b32.i2p". A fc00:: address is one
// of IPv6: see ToCJDNS. What is a name, to be looked up, is none; so is an IPv6 address
// with a zone, and a Tor address of another version or with a wrong checksum.
func ParseHost(text string) (Host, bool) {
	lower := strings.ToLower(text)
	switch {
	case strings.HasSuffix(lower, onionSuffix):
		return parseOnion(strings.TrimSuffix(lower, onionSuffix))
	case strings.HasSuffix(lower, i2pSuffix):
		raw, ok := decodeKey(strings.TrimSuffix(lower, i2pSuffix), keySize)
		if !ok {
			return Host{}, false
		}
		return NewHost(I2P, raw)
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		ip, err = netip.ParseAddr(fullIPv4(text))
	}
	if err != nil || ip.Zone() != "" {
		return Host{}, false
	}
	return HostOf(ip), true
}

// IsHidden reports whether a name is of a network that the domain name system knows
// nothing of: to look it up would tell others who is wanted (RFC 7686), in vain.
func IsHidden(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	return strings.HasSuffix(name, onionSuffix) || strings.HasSuffix(name, ".i2p")
}

// fullIPv4 writes "127.1" as "127.0.0.1", as inet_aton(3) reads it: the last number
// fills the bytes that are left. Numbers are decimal here.
func fullIPv4(text string) string {
	parts := strings.Split(text, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return text
	}
	last := len(parts) - 1
	n, err := strconv.ParseUint(parts[last], 10, 8*(4-last))
	if err != nil {
		return text
	}
	full := parts[:last]
	for i := 3 - last; i >= 0; i-- {
		full = append(full, strconv.Itoa(int(n>>(8*i)&0xff)))
	}
	return strings.Join(full, ".")
}

// decodeKey reads base32 of exactly size bytes, in the one way of writing them.
func decodeKey(text string, size int) ([]byte, bool) {
	if len(text) != keyEncoding.EncodedLen(size) {
		return nil, false
	}
	raw, err := keyEncoding.DecodeString(text)
	return raw, err == nil && keyEncoding.EncodeToString(raw) == text
}

func parseOnion(text string) (Host, bool) {
	raw, ok := decodeKey(text, keySize+onionChecksum+1)
	if !ok || raw[keySize+onionChecksum] != onionVersion || string(raw[:keySize+onionChecksum+1]) != onionBytes(raw[:keySize]) {
		return Host{}, false
	}
	return NewHost(TorV3, raw[:keySize])
}

// onionBytes is what a Tor address spells: key, checksum, version.
func onionBytes(key []byte) string {
	sum := sha3.Sum256([]byte(".onion checksum" + string(key) + "\x03"))
	return string(key) + string(sum[:onionChecksum]) + "\x03"
}

// String writes the host as ParseHost reads it; "" for none.
func (h Host) String() string {
	switch h.network {
	case TorV3:
		return keyEncoding.EncodeToString([]byte(onionBytes([]byte(h.raw)))) + onionSuffix
	case I2P:
		return keyEncoding.EncodeToString([]byte(h.raw)) + i2pSuffix
	}
	if ip, ok := h.IP(); ok {
		return ip.String()
	}
	return ""
}

// networkNames are those that Bitcoin Core shows, in its order.
var networkNames = []struct {
	id   NetworkID
	name string
}{{IPv4, "ipv4"}, {IPv6, "ipv6"}, {TorV3, "onion"}, {I2P, "i2p"}, {CJDNS, "cjdns"}}

// Networks returns all networks in the order in which Bitcoin Core lists them.
func Networks() []NetworkID {
	var list []NetworkID
	for _, n := range networkNames {
		list = append(list, n.id)
	}
	return list
}

// Name is Bitcoin Core's name of the network, "" if it is not known.
func (n NetworkID) Name() string {
	for _, known := range networkNames {
		if known.id == n {
			return known.name
		}
	}
	return ""
}

// NetworkNamed returns the network of a name, in letters of any size; zero for an
// unknown one.
func NetworkNamed(name string) NetworkID {
	name = strings.ToLower(name)
	for _, known := range networkNames {
		if known.name == name {
			return known.id
		}
	}
	return 0
}
