package addrbook

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// The form of peers.dat is that of Bitcoin Core's address manager: magic,
// format, key, addresses in two groups, buckets of the first, and a double
// SHA-256 over everything before it.
const (
	fileFormat       = 4 // multi-port
	oldestFormat     = 3 // BIP155 addresses
	incompatibleBase = 32
	newBuckets       = 1024
	bucketsXOR       = 1 << 30
	diskVersion      = 220000 | 1<<29 // with BIP155 addresses
	diskVersionMask  = 1 << 29
	checksumSize     = sha256.Size
	maxFileAddresses = 1024*64 + 256*64
	maxAddressOnDisk = 512
)

// ErrCorrupt is returned for a file that is not whole.
var ErrCorrupt = errors.New("checksum mismatch, data corrupted")

// Encode returns the content of peers.dat.
func (b *Book) Encode(magic uint32, random func() uint64) []byte {
	out := binary.LittleEndian.AppendUint32(nil, magic)
	out = append(out, fileFormat, incompatibleBase+fileFormat)
	for range 4 {
		out = binary.LittleEndian.AppendUint64(out, random())
	}
	fresh, tried := b.split()
	out = appendInt32(out, len(fresh))
	out = appendInt32(out, len(tried))
	out = appendInt32(out, newBuckets^bucketsXOR)
	for _, s := range append(fresh, tried...) {
		out = appendEntry(out, s.Entry)
	}
	for bucket := range newBuckets {
		n := (len(fresh) - bucket + newBuckets - 1) / newBuckets
		out = appendInt32(out, max(n, 0))
		for i := bucket; i < len(fresh); i += newBuckets {
			out = appendInt32(out, i)
		}
	}
	out = append(out, make([]byte, 32)...) // no map of autonomous systems
	sum := doubleHash(out)
	return append(out, sum[:]...)
}

func (b *Book) split() (fresh, tried []*slot) {
	for _, s := range b.list {
		if s.Tried {
			tried = append(tried, s)
		} else {
			fresh = append(fresh, s)
		}
	}
	return fresh, tried
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

// Decode reads a peers.dat. Addresses of networks that are not known are left out.
func Decode(raw []byte, magic uint32, now time.Time) (*Book, error) {
	if len(raw) < checksumSize {
		return nil, ErrCorrupt
	}
	body := raw[:len(raw)-checksumSize]
	if doubleHash(body) != [checksumSize]byte(raw[len(body):]) {
		return nil, ErrCorrupt
	}
	r := &fileReader{b: body}
	if got := r.u32(); got != magic {
		return nil, fmt.Errorf("invalid network magic number %08x", got)
	}
	format, lowest := r.u8(), r.u8()
	if lowest < incompatibleBase || lowest-incompatibleBase > fileFormat {
		return nil, fmt.Errorf("unsupported format of addrman database: %d", format)
	}
	if format < oldestFormat {
		return nil, fmt.Errorf("format %d of addrman database is too old", format)
	}
	r.take(32)
	fresh, tried := int(int32(r.u32())), int(int32(r.u32()))
	r.u32()
	if r.bad || fresh < 0 || tried < 0 || fresh+tried > maxFileAddresses {
		return nil, ErrCorrupt
	}
	book := New()
	for i := range fresh + tried {
		e, known := r.entry()
		if r.bad {
			return nil, ErrCorrupt
		}
		if known {
			e.Tried = i >= fresh
			book.restore(e, now)
		}
	}
	return book, nil
}

// restore adds an entry of a file; the limits hold for files, too.
func (b *Book) restore(e Entry, now time.Time) {
	if len(b.list) < MaxAddresses {
		b.Add(e, func() uint64 { return 0 }, now)
	}
}

// fileReader takes fields; after running out, bad is set and all are zero.
type fileReader struct {
	b   []byte
	bad bool
}

func (r *fileReader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return make([]byte, min(n, maxAddressOnDisk))
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *fileReader) u8() byte    { return r.take(1)[0] }
func (r *fileReader) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *fileReader) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *fileReader) compact() uint64 {
	switch first := r.u8(); first {
	case 0xfd:
		return uint64(binary.LittleEndian.Uint16(r.take(2)))
	case 0xfe:
		return uint64(r.u32())
	case 0xff:
		return r.u64()
	default:
		return uint64(first)
	}
}

func (r *fileReader) address() (host p2p.Host, known bool) {
	network, size := p2p.NetworkID(r.u8()), r.compact()
	if size > maxAddressOnDisk {
		r.bad = true
		return host, false
	}
	return p2p.NewHost(network, r.take(int(size)))
}

// netAddr reads what appendNetAddr writes; of a network that is not known, no endpoint.
func (r *fileReader) netAddr() (a p2p.Endpoint, services wire.ServiceFlag, unix int64) {
	if version := r.u32(); version&diskVersionMask == 0 {
		r.bad = true
		return a, 0, 0
	}
	unix = int64(r.u32())
	services = wire.ServiceFlag(r.compact())
	host, known := r.address()
	port := binary.BigEndian.Uint16(r.take(2))
	if known {
		a = p2p.Endpoint{Host: host, Port: port}
	}
	return a, services, unix
}

func (r *fileReader) entry() (e Entry, known bool) {
	var unix int64
	e.Address, e.Services, unix = r.netAddr()
	e.Seen = time.Unix(unix, 0)
	e.Source, _ = r.address()
	if success := int64(r.u64()); success > 0 {
		e.LastSuccess = time.Unix(success, 0)
	}
	e.Attempts = int(int32(r.u32()))
	return e, e.Address.IsValid()
}
