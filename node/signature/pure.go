//go:build !(libsecp256k1 && cgo)

package signature

import (
	"github.com/bulkheadnode/bulkhead/node/signature/gnark"
	"github.com/bulkheadnode/bulkhead/node/signature/twin"
)

// Library is what verifies signatures.
const Library = "gnark-crypto, and btcec before one is refused"

// VerifyECDSA reports whether der, in the encoding of BIP66 and with s in the
// lower half (BIP146), is key's signature of hash. key is compressed or
// uncompressed (SEC 1, section 2.3.3).
func VerifyECDSA(key, der, hash []byte) bool {
	if !validECDSA(key, der, hash) {
		return false
	}
	return gnark.VerifyECDSA(key, der, hash) || twin.VerifyECDSA(key, der, hash)
}

// AsksTwo tells that VerifyECDSA asks two libraries before it refuses.
const AsksTwo = true

// QuickECDSA is VerifyECDSA by one library alone. It is for those who try many
// keys of which one is to fit, and ask VerifyECDSA if none does.
func QuickECDSA(key, der, hash []byte) bool {
	return validECDSA(key, der, hash) && gnark.VerifyECDSA(key, der, hash)
}

// VerifySchnorr reports whether sig is key's signature of hash (BIP340).
func VerifySchnorr(key, sig, hash []byte) bool {
	if len(key) != XOnlyKey || len(sig) != Schnorr || len(hash) != Hash {
		return false
	}
	return gnark.VerifySchnorr(key, sig, hash) || twin.VerifySchnorr(key, sig, hash)
}

// VerifyTweak reports whether output is the key internal plus tweak times the
// generator (BIP341), whose y is odd as told. Both keys are XOnlyKey, the tweak
// is Hash bytes long.
func VerifyTweak(output, internal, tweak []byte, odd bool) bool {
	if len(output) != XOnlyKey || len(internal) != XOnlyKey || len(tweak) != Hash {
		return false
	}
	return gnark.VerifyTweak(output, internal, tweak, odd) || twin.VerifyTweak(output, internal, tweak, odd)
}

// BatchesSchnorr tells that a SchnorrBatch takes less time than its
// signatures one by one.
const BatchesSchnorr = true

// SchnorrBatch verifies signatures together (BIP340, batch verification). The
// zero value is empty.
type SchnorrBatch = gnark.SchnorrBatch
