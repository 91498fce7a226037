package output_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

const (
	key  = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	hash = "62e907b15cbf27d5425399ebf6f0fb50ebb88f18"
)

func TestTypes(t *testing.T) {
	for script, want := range map[string]output.Type{
		"":                              output.NonStandard,
		"51":                            output.NonStandard,
		"21" + key + "ac":               output.PubKey,
		"76a914" + hash + "88ac":        output.PubKeyHash,
		"a914" + hash + "87":            output.ScriptHash,
		"5121" + key + "51ae":           output.MultiSig,
		"6a":                            output.NullData,
		"6a04deadbeef":                  output.NullData,
		"6a76":                          output.NonStandard,
		"51024e73":                      output.Anchor,
		"51024e74":                      output.WitnessUnknown,
		"0014" + hash:                   output.WitnessKeyHash,
		"0020" + key[2:]:                output.WitnessScriptHash,
		"0015" + hash + "00":            output.NonStandard,
		"5120" + key[2:]:                output.WitnessTaproot,
		"6020" + key[2:]:                output.WitnessUnknown,
		"51" + "21" + key:               output.WitnessUnknown,
		"a914" + hash + "88":            output.NonStandard,
		"76a914" + hash + "88ac" + "61": output.NonStandard,
		"21" + "05" + key[2:] + "ac":    output.NonStandard,
		"5121" + key + "52ae":           output.NonStandard,
	} {
		raw, err := hex.DecodeString(script)
		require.NoError(t, err)
		require.Equal(t, want, output.TypeOf(raw), script)
	}
}

func TestWhatCannotBeSpent(t *testing.T) {
	require.True(t, output.Unspendable([]byte{0x6a}))
	require.True(t, output.Unspendable([]byte{0x6a, 0xac}))
	require.False(t, output.Unspendable(nil))
	require.False(t, output.Unspendable([]byte{0xac, 0x6a}))
	require.False(t, output.Unspendable(bytes.Repeat([]byte{0x51}, 10_000)))
	require.True(t, output.Unspendable(bytes.Repeat([]byte{0x51}, 10_001)))
}

func TestMultisig(t *testing.T) {
	long := "04" + key[2:] + key[2:]
	for script, want := range map[string][2]int{ // signatures and keys
		"5121" + key + "51ae":                            {1, 1},
		"5221" + key + "41" + long + "52ae":              {2, 2},
		"51" + strings.Repeat("21"+key, 16) + "60ae":     {1, 16},
		"0111" + strings.Repeat("21"+key, 17) + "0111ae": {17, 17},
		"51" + strings.Repeat("21"+key, 20) + "0114ae":   {1, 20},
		"51" + strings.Repeat("21"+key, 21) + "0115ae":   {},
		"0101" + "21" + key + "51ae":                     {},
		"5121" + key + "0101ae":                          {},
		"0021" + key + "51ae":                            {},
		"5221" + key + "51ae":                            {},
		"5121" + key + "52ae":                            {},
		"5151ae":                                         {},
		"5121" + key + "51af":                            {},
		"5121" + key + "5151ae":                          {},
		"5121" + "05" + key[2:] + "51ae":                 {},
		"ae":                                             {},
		"51ae":                                           {},
		"":                                               {},
		"5121" + key[:20] + "ae":                         {},
	} {
		raw, err := hex.DecodeString(script)
		require.NoError(t, err)
		required, keys, ok := output.Multisig(raw)
		require.Equal(t, want != [2]int{}, ok, script)
		if ok {
			require.Equal(t, want, [2]int{required, len(keys)}, script)
			require.Equal(t, raw, output.MakeMultisig(required, keys))
			require.Equal(t, output.MultiSig, output.TypeOf(raw))
		}
	}
}

func TestWhatIsWrapped(t *testing.T) {
	long := "04" + key[2:] + key[2:]
	for script, want := range map[string][2]bool{ // P2SH and P2WSH
		"":                                   {true, true},
		"21" + key + "ac":                    {true, true},
		"41" + long + "ac":                   {true, false},
		"5121" + key + "51ae":                {true, true},
		"5141" + long + "51ae":               {true, false},
		"76a914" + hash + "88ac":             {true, true},
		"0014" + hash:                        {true, false},
		"0020" + key[2:]:                     {true, false},
		"5120" + key[2:]:                     {},
		"51024e73":                           {},
		"51024e74":                           {},
		"a914" + hash + "87":                 {},
		"6a":                                 {},
		"6a76":                               {},
		"7e":                                 {}, // OP_CAT
		"50":                                 {},
		"ba":                                 {},
		"4c":                                 {},
		"4d0902" + strings.Repeat("00", 521): {},
	} {
		raw, err := hex.DecodeString(script)
		require.NoError(t, err)
		require.Equal(t, want[0], output.Wrappable(raw), script)
		if want[0] {
			require.Equal(t, want[1], output.WitnessWrappable(raw), script)
		}
	}
}
