package session

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/bulkheadnode/bulkhead/internal/wording"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// maxAddressBytes is BIP155's limit for networks yet unknown.
const maxAddressBytes = 512

// readAddresses reads an addr or addrv2 (BIP155) message. The list holds the
// addresses of known networks; n is the count on the wire.
func readAddresses(r *reader, v2 bool) (list []p2p.NetAddr, n int, err error) {
	n = r.size()
	for i := 0; i < n && r.err == nil; i++ {
		var a p2p.NetAddr
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

func readAddressV1(r *reader) p2p.NetAddr {
	a := p2p.NetAddr{Time: int64(r.u32()), Services: wire.ServiceFlag(r.u64())}
	end := r.versionAddress()
	if !end.Addr().IsValid() {
		return p2p.NetAddr{}
	}
	return p2p.NetAddrOf(end, a.Services, a.Time)
}

func readAddressV2(r *reader) (p2p.NetAddr, error) {
	a := p2p.NetAddr{Time: int64(r.u32()), Services: wire.ServiceFlag(r.unlimitedSize())}
	network := p2p.NetworkID(r.u8())
	size := r.size()
	if size > maxAddressBytes {
		return p2p.NetAddr{}, wording.Errorf("Address too long: %d > %d", size, maxAddressBytes)
	}
	a.Host = bytes.Clone(r.take(size))
	a.Port = r.u16be()
	if r.err != nil {
		return p2p.NetAddr{}, nil
	}
	want, name := network.AddressLength()
	if name == "" {
		return p2p.NetAddr{}, nil // a network of the future
	}
	if size != want {
		return p2p.NetAddr{}, fmt.Errorf("BIP155 %s address with length %d (should be %d)", name, size, want)
	}
	a.Network = network
	return a, nil
}

func encodeAddresses(list []p2p.NetAddr, v2 bool) []byte {
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
