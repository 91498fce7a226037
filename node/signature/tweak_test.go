package signature_test

import (
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// tweaked returns a key, a tweak, and the key that they make with its parity.
func tweaked(n uint64) (output, internal, tweak []byte, odd bool) {
	key, hash := numbered(n)
	internal = schnorr.SerializePubKey(key.PubKey())
	even, _ := schnorr.ParsePubKey(internal)
	var p, sum btcec.JacobianPoint
	var t btcec.ModNScalar
	t.SetByteSlice(hash)
	even.AsJacobian(&p)
	btcec.ScalarBaseMultNonConst(&t, &sum)
	btcec.AddNonConst(&p, &sum, &sum)
	sum.ToAffine()
	x := sum.X.Bytes()
	return x[:], internal, hash, sum.Y.IsOdd()
}

func TestOnlyWhatWasTweakedIsAccepted(t *testing.T) {
	parities := map[bool]bool{}
	for n := range uint64(20) {
		output, internal, tweak, odd := tweaked(n)
		parities[odd] = true
		require.True(t, signature.VerifyTweak(output, internal, tweak, odd))
		require.False(t, signature.VerifyTweak(output, internal, tweak, !odd))
	}
	require.Len(t, parities, 2)
	output, internal, tweak, odd := tweaked(1)
	for _, part := range []*[]byte{&output, &internal, &tweak} {
		whole := *part
		flips(whole, func(bit int, changed []byte) {
			*part = changed
			require.False(t, signature.VerifyTweak(output, internal, tweak, odd), "bit %d", bit)
		})
		for n := range 100 {
			*part = make([]byte, n)
			require.False(t, signature.VerifyTweak(output, internal, tweak, odd), "%d bytes", n)
		}
		*part = whole
	}
}

// A tweak that is not below the order, or takes the key to infinity, makes no
// key; zero leaves it as it is.
func TestTweaksAtTheEdges(t *testing.T) {
	key, _ := numbered(1)
	internal := schnorr.SerializePubKey(key.PubKey())
	zero := make([]byte, signature.Hash)
	require.True(t, signature.VerifyTweak(internal, internal, zero, false))
	require.False(t, signature.VerifyTweak(internal, internal, zero, true))
	order := btcec.S256().N.FillBytes(make([]byte, signature.Hash))
	require.False(t, signature.VerifyTweak(internal, internal, order, false))
	// The even key's own secret, negated.
	secret := key.Key
	if key.PubKey().SerializeCompressed()[0] == 2 {
		secret.Negate()
	}
	opposite := secret.Bytes()
	for _, odd := range []bool{false, true} {
		require.False(t, signature.VerifyTweak(zero, internal, opposite[:], odd))
	}
}
