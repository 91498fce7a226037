//go:build libsecp256k1 && cgo

package signature

/*
#cgo pkg-config: libsecp256k1
#cgo noescape bulkhead_ecdsa
#cgo nocallback bulkhead_ecdsa
#cgo noescape bulkhead_schnorr
#cgo nocallback bulkhead_schnorr

#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>

// secp256k1_ecdsa_verify accepts s in the lower half only.
static int bulkhead_ecdsa(const unsigned char *key, size_t keylen, const unsigned char *der, size_t derlen, const unsigned char *hash) {
	secp256k1_pubkey pubkey;
	secp256k1_ecdsa_signature sig;
	return secp256k1_ec_pubkey_parse(secp256k1_context_static, &pubkey, key, keylen)
		&& secp256k1_ecdsa_signature_parse_der(secp256k1_context_static, &sig, der, derlen)
		&& secp256k1_ecdsa_verify(secp256k1_context_static, &sig, hash, &pubkey);
}

static int bulkhead_schnorr(const unsigned char *key, const unsigned char *sig, const unsigned char *hash) {
	secp256k1_xonly_pubkey pubkey;
	return secp256k1_xonly_pubkey_parse(secp256k1_context_static, &pubkey, key)
		&& secp256k1_schnorrsig_verify(secp256k1_context_static, sig, hash, 32, &pubkey);
}
*/
import "C"

import "unsafe"

// Library is what verifies signatures.
const Library = "libsecp256k1"

// pointer hands memory to a call that neither keeps nor changes it. It is not
// empty: lengths were checked before.
func pointer(b []byte) *C.uchar { return (*C.uchar)(unsafe.Pointer(unsafe.SliceData(b))) }

// VerifyECDSA reports whether der, in the encoding of BIP66 and with s in the
// lower half (BIP146), is key's signature of hash. key is compressed or
// uncompressed (SEC 1, section 2.3.3).
func VerifyECDSA(key, der, hash []byte) bool {
	return validECDSA(key, der, hash) &&
		C.bulkhead_ecdsa(pointer(key), C.size_t(len(key)), pointer(der), C.size_t(len(der)), pointer(hash)) == 1
}

// AsksTwo tells that VerifyECDSA asks two libraries before it refuses.
const AsksTwo = false

// QuickECDSA is VerifyECDSA by one library alone. It is for those who try many
// keys of which one is to fit, and ask VerifyECDSA if none does.
func QuickECDSA(key, der, hash []byte) bool { return VerifyECDSA(key, der, hash) }

// VerifySchnorr reports whether sig is key's signature of hash (BIP340).
func VerifySchnorr(key, sig, hash []byte) bool {
	return len(key) == XOnlyKey && len(sig) == Schnorr && len(hash) == Hash &&
		C.bulkhead_schnorr(pointer(key), pointer(sig), pointer(hash)) == 1
}
