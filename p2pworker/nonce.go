package p2pworker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// A version nonce is 32 random bits and 32 bits of their MAC under a key that
// all workers share: any worker recognises a connection of ours to ourselves
// without asking another. A stranger's nonce passes once in 4 billion times,
// which costs one connection attempt.

func nonceMAC(key []byte, random uint32) uint32 {
	mac := hmac.New(sha256.New, key)
	mac.Write(binary.LittleEndian.AppendUint32(nil, random))
	return binary.LittleEndian.Uint32(mac.Sum(nil))
}

func makeNonce(key []byte, random uint32) uint64 {
	return uint64(random)<<32 | uint64(nonceMAC(key, random))
}

func isOurNonce(key []byte, nonce uint64) bool {
	return nonceMAC(key, uint32(nonce>>32)) == uint32(nonce)
}
