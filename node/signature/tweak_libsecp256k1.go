//go:build libsecp256k1 && cgo

package signature

/*
#cgo pkg-config: libsecp256k1
#cgo noescape bulkhead_tweak
#cgo nocallback bulkhead_tweak

#include <secp256k1.h>
#include <secp256k1_extrakeys.h>

static int bulkhead_tweak(const unsigned char *output, const unsigned char *internal, const unsigned char *tweak, int odd) {
	secp256k1_xonly_pubkey pubkey;
	return secp256k1_xonly_pubkey_parse(secp256k1_context_static, &pubkey, internal)
		&& secp256k1_xonly_pubkey_tweak_add_check(secp256k1_context_static, output, odd, &pubkey, tweak);
}
*/
import "C"

// VerifyTweak reports whether output is the key internal plus tweak times the
// generator (BIP341), whose y is odd as told. Both keys are XOnlyKey, the tweak
// is Hash bytes long.
func VerifyTweak(output, internal, tweak []byte, odd bool) bool {
	if len(output) != XOnlyKey || len(internal) != XOnlyKey || len(tweak) != Hash {
		return false
	}
	var parity C.int
	if odd {
		parity = 1
	}
	return C.bulkhead_tweak(pointer(output), pointer(internal), pointer(tweak), parity) == 1
}
