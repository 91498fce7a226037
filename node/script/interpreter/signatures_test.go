package interpreter

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/script/vectors"
	"github.com/bulkheadnode/bulkhead/node/signature"
)

// upperS are Wycheproof's vectors that are not valid only for an s in the upper
// half (BIP146), which is policy.
var upperS = map[int]bool{1: true, 388: true}

// looseDER are those whose integers are right, though not their encoding: valid in
// blocks before BIP66. Found with Bitcoin Core's ecdsa_signature_parse_der_lax and
// libsecp256k1.
var looseDER = map[int]bool{
	3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true, 11: true, 12: true, 13: true, 15: true,
	18: true, 20: true, 21: true, 42: true, 43: true, 44: true, 45: true, 46: true, 47: true, 48: true, 50: true,
	51: true, 52: true, 53: true, 54: true, 57: true, 62: true, 63: true, 79: true, 100: true, 109: true, 110: true, 123: true,
}

// What blocks take of Wycheproof's vectors before BIP66, since then, and what the
// mempool takes.
func TestWycheproof(t *testing.T) {
	strict := 0
	for _, v := range vectors.ECDSA(t) {
		rs, ok := parseLaxDER(v.Sig)
		ok = ok && rs.normalise() && signature.VerifyECDSA(v.Key, rs.appendDER(nil), v.Message)
		require.Equal(t, v.Valid || upperS[v.ID] || looseDER[v.ID], ok, "vector %d: %s", v.ID, v.Comment)

		item := append(v.Sig[:len(v.Sig):len(v.Sig)], 1)
		since := ok && isStrictDER(item)
		require.Equal(t, v.Valid || upperS[v.ID], since, "vector %d: %s", v.ID, v.Comment)
		if isStrictDER(item) {
			strict++
		}
		require.Equal(t, v.Valid, since && isLowS(v.Sig), "vector %d: %s", v.ID, v.Comment)
	}
	require.Equal(t, 238, strict, "as many as for Bitcoin Core's IsValidSignatureEncoding")
}
