package addrbook

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// Kinds of errors of files. The texts are Bitcoin Core's.
var (
	// ErrCorrupt is returned for a file that is not whole.
	ErrCorrupt = wording.Errorf("Checksum mismatch, data corrupted")
	// ErrFuture is returned for a file of a later version.
	ErrFuture = errors.New("the file version was not compatible")
	errEnd    = wording.Errorf("AutoFile::read: end of file: iostream error")
)

// Decode reads a peers.dat. Addresses of networks that are not known are left out, and
// so are those that have no place.
func Decode(raw []byte, magic uint32, groups Groups) (*Book, error) {
	r := &fileReader{b: raw}
	if got := r.u32(); got != magic && !r.bad {
		return nil, wording.Errorf("Invalid network magic number")
	}
	f := &bookFile{r: r, groups: groups}
	book, err := f.read()
	if err != nil {
		return nil, err
	}
	body := raw[:len(raw)-len(r.b)]
	sum := r.take(checksumSize)
	switch {
	case r.bad:
		return nil, errEnd
	case doubleHash(body) != [checksumSize]byte(sum):
		return nil, ErrCorrupt
	}
	return book, book.check()
}

// bookFile is a file that is being read.
type bookFile struct {
	r            *fileReader
	groups       Groups
	format       byte
	fresh, tried int
	buckets      int
	book         *Book
	entries      []*slot // of the new table, nil for those left out
}

func (f *bookFile) read() (*Book, error) {
	if err := f.header(); err != nil {
		return nil, err
	}
	f.addresses()
	places := f.places()
	if f.r.bad {
		return nil, errEnd
	}
	f.restore(places)
	return f.book, nil
}

func (f *bookFile) header() error {
	r := f.r
	format, lowest := r.u8(), r.u8()
	switch {
	case r.bad:
		return errEnd
	case lowest < incompatibleBase:
		return wording.Errorf("Corrupted addrman database: The compat value (%d) is lower than the expected minimum value %d.: iostream error", lowest, incompatibleBase)
	case lowest-incompatibleBase > fileFormat:
		return ErrFuture
	}
	f.format = format
	f.r.old = format < formatBIP155
	f.book = New([32]byte(r.take(32)), f.groups)
	f.fresh, f.tried, f.buckets = int(int32(r.u32())), int(int32(r.u32())), int(int32(r.u32()))
	if format >= formatBuckets {
		f.buckets ^= bucketsXOR
	}
	switch {
	case r.bad:
		return errEnd
	case f.fresh < 0 || f.fresh > newBuckets*bucketSize:
		return wording.Errorf("Corrupt AddrMan serialization: nNew=%d, should be in [0, %d]: iostream error", f.fresh, newBuckets*bucketSize)
	case f.tried < 0 || f.tried > triedBuckets*bucketSize:
		return wording.Errorf("Corrupt AddrMan serialization: nTried=%d, should be in [0, %d]: iostream error", f.tried, triedBuckets*bucketSize)
	}
	return nil
}

// addresses reads both groups; the tried get their places, as far as those are free.
func (f *bookFile) addresses() {
	for i := 0; i < f.fresh+f.tried && !f.r.bad; i++ {
		e, known := f.r.entry()
		var s *slot
		if known && !f.r.bad && e.Address.Host.Routable() && f.book.entries[e.Address] == nil {
			s = f.add(e, i >= f.fresh)
		}
		if i < f.fresh {
			f.entries = append(f.entries, s)
		}
	}
}

func (f *bookFile) add(e Entry, tried bool) *slot {
	if !tried {
		return f.book.insert(e)
	}
	at := f.book.triedPlace(e.Address)
	if f.book.tried.at(at) != nil || e.LastSuccess.IsZero() {
		return nil
	}
	e.Tried = true
	s := f.book.insert(e)
	f.book.tried.set(at, s)
	return s
}

// spot is a place in the new table as a file has it.
type spot struct{ bucket, number int }

// places reads who is in which bucket. A file of another number of buckets tells
// nothing by that.
func (f *bookFile) places() (list []spot) {
	for bucket := 0; bucket < f.buckets && !f.r.bad; bucket++ {
		for range int(int32(f.r.u32())) {
			n := int(int32(f.r.u32()))
			if f.r.bad {
				return nil
			}
			if n >= 0 && n < len(f.entries) && f.entries[n] != nil {
				list = append(list, spot{bucket, n})
			}
		}
	}
	var drawn [asmapVersionSize]byte
	if f.format >= formatASMap {
		drawn = [asmapVersionSize]byte(f.r.take(asmapVersionSize))
	}
	if drawn != f.groups.Version || f.buckets != newBuckets {
		f.buckets = 0 // groups were drawn in another way
	}
	return list
}

// restore gives the new addresses their places, those by their first source if the
// file's are of no use, and drops the others.
func (f *bookFile) restore(places []spot) {
	b := f.book
	for _, p := range places {
		s := f.entries[p.number]
		at := b.newPlace(s.Address, s.Source)
		if f.buckets == newBuckets && s.refs < maxRefs {
			if own := b.placeIn(s.Address, p.bucket, true); b.fresh.at(own) == nil {
				at = own
			}
		}
		if b.fresh.at(at) == nil && s.refs < maxRefs {
			b.fresh.set(at, s)
			s.refs++
		}
	}
	for _, s := range f.entries {
		if s != nil && s.refs == 0 {
			b.remove(s)
		}
	}
}

// check looks for what a sound book cannot be.
func (b *Book) check() error {
	if b.key == [32]byte{} {
		return wording.Errorf("Corrupt data. Consistency check failed with code %d: iostream error", -16)
	}
	return nil
}

// fileReader takes fields; after running out, bad is set and all are zero.
type fileReader struct {
	b   []byte
	bad bool
	old bool // addresses are not BIP155's
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
	if r.old {
		return p2p.NewHost(p2p.IPv6, r.take(ipBytes))
	}
	network, size := p2p.NetworkID(r.u8()), r.compact()
	if size > maxAddressOnDisk {
		r.bad = true
		return host, false
	}
	return p2p.NewHost(network, r.take(int(size)))
}

// netAddr reads what appendNetAddr writes; of a network that is not known, no endpoint.
func (r *fileReader) netAddr() (a p2p.Endpoint, services wire.ServiceFlag, unix int64) {
	if version := r.u32(); version&diskVersionMask == 0 && !r.old {
		r.bad = true
		return a, 0, 0
	}
	unix = int64(r.u32())
	if r.old {
		services = wire.ServiceFlag(r.u64())
	} else {
		services = wire.ServiceFlag(r.compact())
	}
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
	e.Attempts = max(int(int32(r.u32())), 0)
	return e, e.Address.IsValid()
}
