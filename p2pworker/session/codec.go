package session

import (
	"encoding/binary"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Errors of the reader; the texts are those Bitcoin Core's streams throw.
var (
	errEndOfData = errors.New("DataStream::read(): end of data")
	errNonCanon  = errors.New("non-canonical ReadCompactSize()")
	errTooLarge  = errors.New("ReadCompactSize(): size too large")
	errIndexes   = errors.New("indexes overflowed 16 bits")
	//lint:ignore ST1005 the text is Bitcoin Core's
	errStringLimit = errors.New("String length limit exceeded")
)

// maxCompactSize bounds every length on the wire (Bitcoin Core's MAX_SIZE).
const maxCompactSize = 0x02000000

// reader takes fields from a payload. After the first error all further
// reads return zero values; err tells.
type reader struct {
	b   []byte
	err error
}

func (r *reader) empty() bool { return len(r.b) == 0 }

func (r *reader) take(n int) []byte {
	if r.err != nil || n > len(r.b) {
		if r.err == nil {
			r.err = errEndOfData
		}
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) u8() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16be() uint16 {
	if p := r.take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if p := r.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if p := r.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (r *reader) hash() (h chainhash.Hash) {
	copy(h[:], r.take(chainhash.HashSize))
	return h
}

// unlimitedSize reads a canonical CompactSize of any value.
func (r *reader) unlimitedSize() uint64 {
	var v, least uint64
	switch first := r.u8(); first {
	case 0xfd:
		if p := r.take(2); p != nil {
			v = uint64(binary.LittleEndian.Uint16(p))
		}
		least = 0xfd
	case 0xfe:
		v, least = uint64(r.u32()), 0x10000
	case 0xff:
		v, least = r.u64(), 0x100000000
	default:
		v = uint64(first)
	}
	if r.err == nil && v < least {
		r.err = errNonCanon
	}
	return v
}

// size reads a CompactSize that is a length.
func (r *reader) size() int {
	v := r.unlimitedSize()
	if r.err == nil && v > maxCompactSize {
		r.err = errTooLarge
	}
	if r.err != nil {
		return 0
	}
	return int(v)
}

func (r *reader) limitedString(limit int) string {
	n := r.size()
	if r.err == nil && n > limit {
		r.err = errStringLimit
	}
	return string(r.take(n))
}

// locator reads the body of getheaders and getblocks. The hashes are nil and
// n tells when there are more than maxLocator.
func (r *reader) locator() (hashes []chainhash.Hash, stop chainhash.Hash, n int) {
	r.u32()
	n = r.size()
	if n > maxLocator {
		r.take(n * chainhash.HashSize)
		return nil, r.hash(), n
	}
	raw := r.take(n * chainhash.HashSize)
	hashes = make([]chainhash.Hash, len(raw)/chainhash.HashSize)
	for i := range hashes {
		copy(hashes[i][:], raw[i*chainhash.HashSize:])
	}
	return hashes, r.hash(), n
}

// inventory reads an inv, getdata or notfound body. The list is nil and n
// tells when there are more than maxInventory entries.
func (r *reader) inventory() (list []wire.InvVect, n int) {
	const entry = 4 + chainhash.HashSize
	n = r.size()
	raw := r.take(n * entry)
	if r.err != nil || n > maxInventory {
		return nil, n
	}
	list = make([]wire.InvVect, n)
	for i := range list {
		p := raw[i*entry:]
		list[i].Type = wire.InvType(binary.LittleEndian.Uint32(p))
		copy(list[i].Hash[:], p[4:entry])
	}
	return list, n
}

// blockTxs reads the positions of a getblocktxn, each told by its distance from
// the one before (BIP152).
func (r *reader) blockTxs() (indexes []uint16) {
	n := r.size()
	if r.err == nil && n > len(r.b) {
		r.err = errEndOfData
	}
	if r.err != nil {
		return nil
	}
	next := uint64(0)
	for range n {
		next += r.unlimitedSize()
		if r.err == nil && next >= maxBlockTxs {
			r.err = errIndexes
		}
		if r.err != nil {
			return nil
		}
		indexes = append(indexes, uint16(next))
		next++
	}
	return indexes
}

// encodeBlockTxs is getblocktxn.
func encodeBlockTxs(block chainhash.Hash, indexes []uint16) []byte {
	b := appendSize(append(make([]byte, 0, len(block)+3+3*len(indexes)), block[:]...), len(indexes))
	next := 0
	for _, i := range indexes {
		b = appendSize(b, int(i)-next)
		next = int(i) + 1
	}
	return b
}

func appendSize(b []byte, n int) []byte {
	switch {
	case n < 0xfd:
		return append(b, byte(n))
	case n <= 0xffff:
		return binary.LittleEndian.AppendUint16(append(b, 0xfd), uint16(n))
	default:
		return binary.LittleEndian.AppendUint32(append(b, 0xfe), uint32(n))
	}
}

func encodeInventory(list []wire.InvVect) []byte {
	b := make([]byte, 0, 5+len(list)*36)
	b = appendSize(b, len(list))
	for i := range list {
		b = binary.LittleEndian.AppendUint32(b, uint32(list[i].Type))
		b = append(b, list[i].Hash[:]...)
	}
	return b
}

func encodeLocator(hashes []chainhash.Hash, stop chainhash.Hash) []byte {
	b := make([]byte, 0, 4+5+32*(len(hashes)+1))
	b = binary.LittleEndian.AppendUint32(b, ProtocolVersion)
	b = appendSize(b, len(hashes))
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return append(b, stop[:]...)
}

// encodeHeaders turns a run of 80-byte headers into a headers message, in
// which a zero transaction count follows each header.
func encodeHeaders(raw []byte) []byte {
	n := len(raw) / wire.MaxBlockHeaderPayload
	b := make([]byte, 0, 5+n*(wire.MaxBlockHeaderPayload+1))
	b = appendSize(b, n)
	for i := range n {
		b = append(b, raw[i*wire.MaxBlockHeaderPayload:(i+1)*wire.MaxBlockHeaderPayload]...)
		b = append(b, 0)
	}
	return b
}

func headerHash(header []byte) chainhash.Hash {
	return chainhash.DoubleHashH(header[:wire.MaxBlockHeaderPayload])
}

func previousHash(header []byte) (h chainhash.Hash) {
	copy(h[:], header[4:36])
	return h
}
