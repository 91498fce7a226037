package signature

import (
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/script/vectors"
)

// VerifyECDSA accepts what Wycheproof calls valid, and nothing else: both want
// strict DER and an s in the lower half. Scripts may contain more; what becomes of
// that before it comes here is in the tests of package interpreter.
func TestWycheproof(t *testing.T) {
	judges, _ := libraries()
	verdicts := tally{}
	for _, v := range vectors.ECDSA(t) {
		public, err := btcec.ParsePubKey(v.Key)
		require.NoError(t, err, "vector %d", v.ID)
		for _, key := range [][]byte{v.Key, public.SerializeCompressed()} {
			require.Equal(t, v.Valid, VerifyECDSA(key, v.Sig, v.Message), "vector %d: %s", v.ID, v.Comment)
			require.Equal(t, v.Valid, QuickECDSA(key, v.Sig, v.Message), "vector %d: %s", v.ID, v.Comment)
			// The libraries rely on the outer form.
			wellFormed := validECDSA(key, v.Sig, v.Message)
			require.True(t, wellFormed || !v.Valid, "vector %d: %s", v.ID, v.Comment)
			for name, verify := range judges {
				if wellFormed {
					require.Equal(t, v.Valid, verify(key, v.Sig, v.Message), "%s, vector %d: %s", name, v.ID, v.Comment)
				}
			}
		}
		verdicts.add("", v.Valid)
		if validECDSA(v.Key, v.Sig, v.Message) {
			verdicts.add("well formed", v.Valid)
		}
	}
	require.Equal(t, tally{"": {301, 162}, "well formed": {74, 162}}, verdicts)
}

// All of BIP340's vectors whose message is as long as what transactions sign. The
// other four, which are valid, are refused for that alone.
func TestBIP340(t *testing.T) {
	_, judges := libraries()
	verdicts := tally{}
	for _, v := range vectors.Schnorr(t) {
		if len(v.Message) != Hash {
			require.True(t, v.Valid, "vector %d", v.ID)
			require.False(t, VerifySchnorr(v.Key, v.Sig, v.Message), "vector %d", v.ID)
			verdicts.add("of another length", v.Valid)
			continue
		}
		require.Equal(t, v.Valid, VerifySchnorr(v.Key, v.Sig, v.Message), "vector %d: %s", v.ID, v.Comment)
		require.Equal(t, v.Valid, together([]signed{{v.Key, v.Sig, v.Message}}), "batch, vector %d: %s", v.ID, v.Comment)
		for name, verify := range judges {
			require.Equal(t, v.Valid, verify(v.Key, v.Sig, v.Message), "%s, vector %d: %s", name, v.ID, v.Comment)
		}
		verdicts.add("", v.Valid)
	}
	require.Equal(t, tally{"": {10, 5}, "of another length": {0, 4}}, verdicts)
}

// The valid vectors make a batch; each of the others spoils it.
func TestBatchOfBIP340(t *testing.T) {
	var valid, invalid []signed
	for _, v := range vectors.Schnorr(t) {
		s := signed{v.Key, v.Sig, v.Message}
		switch {
		case len(v.Message) != Hash:
		case v.Valid:
			valid = append(valid, s)
		default:
			invalid = append(invalid, s)
		}
	}
	require.Len(t, valid, 5)
	require.True(t, together(valid))
	require.Len(t, invalid, 10)
	for i, s := range invalid {
		require.False(t, together(append([]signed{s}, valid...)), "first, invalid %d", i)
		require.False(t, together(append(valid[:len(valid):len(valid)], s)), "last, invalid %d", i)
	}
}
