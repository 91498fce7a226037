package addrbook

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// The form of peers.dat is that of Bitcoin Core's address manager: magic,
// format, key, addresses in two groups, buckets of the first, and a double
// SHA-256 over everything before it.
const (
	fileFormat       = 4 // multi-port
	formatBIP155     = 3 // before it, addresses are of 16 bytes
	formatASMap      = 2 // before it, there is no version of a map
	formatBuckets    = 1 // before it, the number of buckets is not masked
	incompatibleBase = 32
	bucketsXOR       = 1 << 30
	diskVersion      = 220000 | 1<<29 // with BIP155 addresses
	diskVersionMask  = 1 << 29
	checksumSize     = sha256.Size
	maxAddressOnDisk = 512
	ipBytes          = 16 // of any address before BIP155
	asmapVersionSize = 32
)

// Encode returns the content of peers.dat.
func (b *Book) Encode(magic uint32) []byte {
	out := binary.LittleEndian.AppendUint32(nil, magic)
	out = append(out, fileFormat, incompatibleBase+fileFormat)
	out = append(out, b.key[:]...)
	var fresh, tried []*slot
	numbers := map[*slot]int{}
	for _, s := range b.list {
		if s.Tried {
			tried = append(tried, s)
			continue
		}
		numbers[s] = len(fresh)
		fresh = append(fresh, s)
	}
	out = appendInt32(out, len(fresh))
	out = appendInt32(out, len(tried))
	out = appendInt32(out, newBuckets^bucketsXOR)
	for _, s := range append(fresh, tried...) {
		out = appendEntry(out, s.Entry)
	}
	for bucket := range b.fresh.buckets {
		out = appendInt32(out, b.fresh.held[bucket])
		for _, s := range b.fresh.buckets[bucket] {
			if s != nil {
				out = appendInt32(out, numbers[s])
			}
		}
	}
	out = append(out, b.groups.Version[:]...)
	sum := doubleHash(out)
	return append(out, sum[:]...)
}

func doubleHash(raw []byte) [sha256.Size]byte {
	first := sha256.Sum256(raw)
	return sha256.Sum256(first[:])
}

func appendInt32(b []byte, v int) []byte {
	return binary.LittleEndian.AppendUint32(b, uint32(int32(v)))
}

func appendEntry(b []byte, e Entry) []byte {
	b = appendNetAddr(b, e.Address, uint64(e.Services), e.Seen.Unix())
	b = appendAddress(b, e.Source)
	success := int64(0)
	if !e.LastSuccess.IsZero() {
		success = e.LastSuccess.Unix()
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(success))
	return appendInt32(b, e.Attempts)
}

// appendNetAddr writes an address as Bitcoin Core does on disk, which is BIP155's form
// behind a version.
func appendNetAddr(b []byte, a p2p.Endpoint, services uint64, unix int64) []byte {
	b = appendInt32(b, diskVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(unix))
	b = appendCompact(b, services)
	b = appendAddress(b, a.Host)
	return binary.BigEndian.AppendUint16(b, a.Port)
}

func appendCompact(b []byte, v uint64) []byte {
	switch {
	case v < 0xfd:
		return append(b, byte(v))
	case v <= 0xffff:
		return binary.LittleEndian.AppendUint16(append(b, 0xfd), uint16(v))
	case v <= 0xffffffff:
		return binary.LittleEndian.AppendUint32(append(b, 0xfe), uint32(v))
	}
	return binary.LittleEndian.AppendUint64(append(b, 0xff), v)
}

// appendAddress writes a host as BIP155 does; :: stands for an unknown one.
func appendAddress(b []byte, host p2p.Host) []byte {
	if !host.IsValid() {
		host = p2p.HostOf(netip.IPv6Unspecified())
	}
	raw := host.Raw()
	return append(append(b, byte(host.Network()), byte(len(raw))), raw...)
}
