package output_test

import (
	"bytes"
	"encoding/hex"
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
