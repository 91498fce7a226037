package address_test

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
)

// From BIP173 and BIP350.
func TestKnownVectors(t *testing.T) {
	net := &chaincfg.MainNetParams
	for text, script := range map[string]string{
		"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4":                                 "0014751e76e8199196d454941c45d1b3a323f1433bd6",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0":             "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
		"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y": "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa":                                         "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac",
	} {
		got, err := address.Script(text, net)
		require.NoError(t, err, text)
		require.Equal(t, script, hex.EncodeToString(got))
		again, err := address.Script(address.Of(got, net), net)
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	for text, reason := range map[string]string{
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh":   "Version 0 witness address must use Bech32 checksum",
		"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P":         "Invalid Bech32 v0 address program size (16 bytes), per BIP141",
		"bc1pw5dgrnzv":                                 "Invalid Bech32 address program size (1 byte)",
		"tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx":   "Invalid or unsupported Segwit (Bech32) or Base58 encoding.",
		"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080": "Invalid or unsupported prefix for Segwit (Bech32) address (expected bc, got bcrt).",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb":           "Invalid checksum or length of Base58 address (P2PKH or P2SH)",
		" ":                                            "Invalid checksum or length of Base58 address (P2PKH or P2SH)",
		"asfah14i8fajz0123f":                           "Invalid or unsupported Segwit (Bech32) or Base58 encoding.",
	} {
		_, err := address.Script(text, net)
		require.EqualError(t, err, reason, text)
	}
	require.Empty(t, address.Of([]byte{0x6a}, net))
}

// TestDescriptions holds each kind of address against what Bitcoin Core's
// DescribeAddressVisitor says.
func TestDescriptions(t *testing.T) {
	yes, no := true, false
	version := func(v int) *int { return &v }
	for _, c := range []struct {
		kind, script string
		isScript     *bool
		version      *int
	}{
		{"P2PKH", "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac", &no, nil},
		{"P2SH", "a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1887", &yes, nil},
		{"P2WPKH", "0014751e76e8199196d454941c45d1b3a323f1433bd6", &no, version(0)},
		{"P2WSH", "002079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", &yes, version(0)},
		{"P2TR", "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", &yes, version(1)},
		{"P2A", "51024e73", &yes, version(1)},
		{"version 1 of another length", "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6", nil, version(1)},
		{"version 2", "522079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", nil, version(2)},
	} {
		script, err := hex.DecodeString(c.script)
		require.NoError(t, err)
		d := address.Describe(script, &chaincfg.MainNetParams)
		require.Equal(t, c.isScript, d.IsScript, c.kind)
		require.Equal(t, c.version, d.WitnessVersion, c.kind)
		require.Equal(t, c.version != nil, d.IsWitness, c.kind)
		require.Equal(t, c.script, d.Script)
		back, err := address.Script(d.Address, &chaincfg.MainNetParams)
		require.NoError(t, err, c.kind)
		require.Equal(t, script, back, c.kind)
		if c.version != nil {
			require.Equal(t, c.script[4:], d.WitnessProgram, c.kind)
		}
	}
}
