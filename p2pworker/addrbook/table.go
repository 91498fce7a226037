package addrbook

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Measures of the tables, which are Bitcoin Core's.
const (
	newBuckets   = 1024
	triedBuckets = 256
	bucketSize   = 64
	// sourceBuckets is how many buckets of the new table one network group can fill
	// with what it tells, groupBuckets how many of the tried one a group's own
	// addresses can.
	sourceBuckets = 64
	groupBuckets  = 8
)

// place is one in a table.
type place struct{ bucket, index int }

// table has places, of which each address can have only those that the key gives it.
type table struct {
	buckets [][bucketSize]*slot
	held    []int // places held, by bucket
	filled  []int // buckets in which there are any, for random choice
	where   []int // of each bucket in filled
}

func newTable(buckets int) table {
	return table{buckets: make([][bucketSize]*slot, buckets), held: make([]int, buckets), where: make([]int, buckets)}
}

func (t *table) at(p place) *slot { return t.buckets[p.bucket][p.index] }

// set gives a place to s, nil for nobody.
func (t *table) set(p place, s *slot) {
	before := t.at(p)
	t.buckets[p.bucket][p.index] = s
	switch {
	case before == nil && s != nil:
		if t.held[p.bucket]++; t.held[p.bucket] == 1 {
			t.where[p.bucket] = len(t.filled)
			t.filled = append(t.filled, p.bucket)
		}
	case before != nil && s == nil:
		if t.held[p.bucket]--; t.held[p.bucket] == 0 {
			last := t.filled[len(t.filled)-1]
			t.filled[t.where[p.bucket]], t.where[last] = last, t.where[p.bucket]
			t.filled = t.filled[:len(t.filled)-1]
		}
	}
}

// choose returns who holds a random place: the next one from a random beginning in a
// random bucket, so that a crowded bucket counts no more than another. nil if all are
// free.
func (t *table) choose(random func() uint64) *slot {
	if len(t.filled) == 0 {
		return nil
	}
	bucket := &t.buckets[t.filled[random()%uint64(len(t.filled))]]
	first := int(random() % bucketSize)
	for i := range bucketSize {
		if s := bucket[(first+i)%bucketSize]; s != nil {
			return s
		}
	}
	return nil
}

// hash is the first eight bytes, little-endian, of the double SHA-256 of the key and
// the parts.
func (b *Book) hash(parts ...[]byte) uint64 {
	message := b.key[:]
	for _, p := range parts {
		message = append(message[:len(message):len(message)], p...)
	}
	first := sha256.Sum256(message)
	second := sha256.Sum256(first[:])
	return binary.LittleEndian.Uint64(second[:])
}

// sized is a list of bytes as Bitcoin Core hashes it, behind its length.
func sized[T string | []byte](v T) []byte { return append([]byte{byte(len(v))}, v...) }

func number(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// identity is what addresses are hashed by: the host in 16 bytes if it is one of IP,
// or as BIP155 has it, and the port.
func identity(a p2p.Endpoint) []byte {
	raw := a.Host.Raw()
	if ip, ok := a.Host.IP(); ok {
		whole := ip.As16()
		raw = whole[:]
	}
	return sized(binary.BigEndian.AppendUint16(raw, a.Port))
}

// newPlace is where a source's word for an address belongs.
func (b *Book) newPlace(a p2p.Endpoint, source p2p.Host) place {
	group := sized(b.groups.of(source))
	spread := b.hash(sized(b.groups.of(a.Host)), group) % sourceBuckets
	return b.placeIn(a, int(b.hash(group, number(spread))%newBuckets), true)
}

// triedPlace is where an address that has worked belongs.
func (b *Book) triedPlace(a p2p.Endpoint) place {
	spread := b.hash(identity(a)) % groupBuckets
	return b.placeIn(a, int(b.hash(sized(b.groups.of(a.Host)), number(spread))%triedBuckets), false)
}

// placeIn is the place of an address in a bucket of one of the tables.
func (b *Book) placeIn(a p2p.Endpoint, bucket int, fresh bool) place {
	kind := byte('K')
	if fresh {
		kind = 'N'
	}
	n := binary.LittleEndian.AppendUint32([]byte{kind}, uint32(bucket))
	return place{bucket, int(b.hash(n, identity(a)) % bucketSize)}
}

// Place tells where in a table an address is.
type Place struct {
	Entry
	Bucket, Index int
}

// Places lists the places that are held, in the order of the tables; an address of
// the new table can have several.
func (b *Book) Places() (fresh, tried []Place) { return b.fresh.places(), b.tried.places() }

func (t *table) places() []Place {
	list := []Place{}
	for bucket := range t.buckets {
		for index, s := range t.buckets[bucket] {
			if s != nil {
				list = append(list, Place{s.Entry, bucket, index})
			}
		}
	}
	return list
}
