package addrbook

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// MaxAnchors is how many peers are kept in anchors.dat.
const MaxAnchors = 2

// EncodeAnchors returns the content of Bitcoin Core's anchors.dat: magic, at most
// MaxAnchors addresses with services and time as peers.dat has them, and a double
// SHA-256 over both.
func EncodeAnchors(magic uint32, anchors []p2p.NetAddr) []byte {
	anchors = anchors[:min(len(anchors), MaxAnchors)]
	out := binary.LittleEndian.AppendUint32(nil, magic)
	out = append(out, byte(len(anchors)))
	for _, a := range anchors {
		out = appendNetAddr(out, a.Endpoint(), uint64(a.Services), a.Time)
	}
	sum := doubleHash(out)
	return append(out, sum[:]...)
}

// DecodeAnchors reads an anchors.dat. Addresses of networks that are not known are left
// out.
func DecodeAnchors(raw []byte, magic uint32) ([]p2p.NetAddr, error) {
	if len(raw) < sha256.Size {
		return nil, ErrCorrupt
	}
	body := raw[:len(raw)-sha256.Size]
	if doubleHash(body) != [sha256.Size]byte(raw[len(body):]) {
		return nil, ErrCorrupt
	}
	r := &fileReader{b: body}
	if got := r.u32(); got != magic {
		return nil, fmt.Errorf("invalid network magic number %08x", got)
	}
	n := r.compact()
	if n > MaxAnchors {
		return nil, fmt.Errorf("%d anchors", n)
	}
	var list []p2p.NetAddr
	for range n {
		end, services, unix := r.netAddr()
		if end.IsValid() {
			list = append(list, end.NetAddr(services, unix))
		}
	}
	if r.bad || len(r.b) > 0 {
		return nil, ErrCorrupt
	}
	return list, nil
}
