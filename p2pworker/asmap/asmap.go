package asmap

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// addressBits is how many bits of an address a program goes by: IPv4 addresses are those
// that are mapped into IPv6 (RFC 4291, section 2.5.5.2).
const addressBits = 128

// ErrUnsound is what New returns for what is no map.
var ErrUnsound = errors.New("it is no map of autonomous systems")

// Map tells the autonomous system of an address. A nil one knows none.
type Map struct{ program }

// New checks a map.
func New(raw []byte) (*Map, error) {
	p := program(raw)
	if !p.sound(addressBits) {
		return nil, ErrUnsound
	}
	return &Map{p}, nil
}

// Version tells maps apart: the double SHA-256 of one; zero for none.
func (m *Map) Version() chainhash.Hash {
	if m == nil {
		return chainhash.Hash{}
	}
	first := sha256.Sum256(m.program)
	return sha256.Sum256(first[:])
}

// System returns the autonomous system of a host, 0 if it is not known: it is not of
// IPv4 or IPv6, nobody announces it, or there is no map. One that leads to an IPv4
// address counts as that.
func (m *Map) System(host p2p.Host) uint32 {
	if m == nil || !host.Routable() || host.Network() != p2p.IPv4 && host.Network() != p2p.IPv6 {
		return 0
	}
	ip, _ := host.IP()
	address := ip.As16()
	if v4, ok := host.LinkedIPv4(); ok {
		address = [16]byte{10: 0xff, 11: 0xff, 12: v4[0], 13: v4[1], 14: v4[2], 15: v4[3]}
	}
	return m.lookup(address)
}

// Group is the part of the network that one operator is likely to own: its autonomous
// system, or what Host.Group says if that is not known.
func (m *Map) Group(host p2p.Host) string {
	system := m.System(host)
	if system == 0 {
		return host.Group()
	}
	return string(binary.LittleEndian.AppendUint32([]byte{byte(p2p.IPv6)}, system))
}

// lookup runs the program, which a sound one ends at a leaf.
func (m *Map) lookup(address [16]byte) uint32 {
	used, otherwise := 0, uint32(0)
	next := func() uint32 {
		used++
		return uint32(address[(used-1)/8]>>(7-(used-1)%8)) & 1
	}
	for at := 0; ; {
		s, ok := m.read(at)
		if !ok {
			return 0
		}
		at = s.next
		switch s.operation {
		case leaf:
			return s.number
		case branch:
			if next() == 1 {
				at += int(s.number)
			}
		case prefix:
			for i := prefixLength(s.number) - 1; i >= 0; i-- {
				if next() != s.number>>i&1 {
					return otherwise
				}
			}
		case fallback:
			otherwise = s.number
		}
	}
}
