package address_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
)

func TestWhatIsWrongWithAnAddress(t *testing.T) {
	for _, c := range []struct {
		text, reason string
		at           []int
	}{
		{"bc1", "Invalid separator position", []int{2}},
		{"bcq", "Missing separator", nil},
		{"bc1qw508d6qejxtdg4y5r3zarvarY0c5xw7kv8f3t4", "Invalid character or mixed case", []int{28}},
		{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t\x7f", "Invalid character or mixed case", []int{41}},
		{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kvbf3t4", "Invalid Base 32 character", []int{37}},
		{"bc1" + strings.Repeat("q", 89), "Bech32 string too long", []int{90, 91}},
	} {
		_, err := address.Script(c.text, &chaincfg.MainNetParams)
		var bad *address.BadBech32
		require.ErrorAs(t, err, &bad, c.text)
		require.Equal(t, c.reason, bad.Error(), c.text)
		require.Equal(t, c.at, bad.Positions, c.text)
	}
}

// One and two wrong characters are found wherever they are.
func TestWrongCharactersAreFound(t *testing.T) {
	const charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	r := rand.New(rand.NewPCG(3, 4))
	for text, reason := range map[string]string{
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4":                     "Invalid Bech32 checksum",
		"bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr": "Invalid Bech32m checksum",
	} {
		for count := range 3 {
			for range 200 {
				spoilt, at := []byte(text), r.Perm(len(text) - 3)[:count]
				for i := range at {
					at[i] += 3
					spoilt[at[i]] = another(r, charset, spoilt[at[i]])
				}
				slices.Sort(at)
				_, err := address.Script(string(spoilt), &chaincfg.MainNetParams)
				if count == 0 {
					require.NoError(t, err)
					continue
				}
				var bad *address.BadBech32
				require.ErrorAs(t, err, &bad)
				require.Equal(t, at, bad.Positions)
				require.Equal(t, reason, bad.Error())
			}
		}
	}
}

func another(r *rand.Rand, charset string, c byte) byte {
	for {
		if other := charset[r.IntN(len(charset))]; other != c {
			return other
		}
	}
}
