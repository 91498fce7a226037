package p2pworker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// A version nonce is the minute that it was made in and 16 random bits, and 32 bits of
// the MAC of both under a key that all workers share: any worker recognises a connection
// of ours to ourselves without asking another. A stranger's nonce passes once in 4
// billion times, which costs one connection attempt.
//
// Who shows us a nonce of ours, and is let go for it, knows that the connection that he
// has it from is ours, too, whatever network that came by. So it is known for as long as
// a handshake may take, and one that is to tell nothing has a nonce that is no mark.

// nonceMinutes is for how many minutes after the one that it was made in a nonce is ours.
const nonceMinutes = 2

func minuteOf(now time.Time) uint16 { return uint16(now.Unix() / 60) }

func nonceMAC(key []byte, head uint32) uint32 {
	mac := hmac.New(sha256.New, key)
	mac.Write(binary.LittleEndian.AppendUint32(nil, head))
	return binary.LittleEndian.Uint32(mac.Sum(nil))
}

func makeNonce(key []byte, random uint16, now time.Time) uint64 {
	head := uint32(minuteOf(now))<<16 | uint32(random)
	return uint64(head)<<32 | uint64(nonceMAC(key, head))
}

func isOurNonce(key []byte, nonce uint64, now time.Time) bool {
	age := minuteOf(now) - uint16(nonce>>48)
	return age <= nonceMinutes && nonceMAC(key, uint32(nonce>>32)) == uint32(nonce)
}

// nonceFor is the nonce of a connection of a kind. It goes by real time, as handshakes do.
func (w *worker) nonceFor(kind p2p.ConnectionType, key []byte) uint64 {
	now := time.Now()
	if kind != p2p.PrivateBroadcast {
		return makeNonce(key, uint16(w.random.Uint64()), now)
	}
	for {
		if n := w.random.Uint64(); nonceMAC(key, uint32(n>>32)) != uint32(n) {
			return n
		}
	}
}
