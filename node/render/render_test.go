package render

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	return raw
}

// From BIP380 and BIP173, BIP350.
func TestKnownVectors(t *testing.T) {
	require.Equal(t, "89f8spxm", Checksum("raw(deadbeef)"))
	net := &chaincfg.MainNetParams
	for address, script := range map[string]string{
		"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4":                                 "0014751e76e8199196d454941c45d1b3a323f1433bd6",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0":             "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
		"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y": "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa":                                         "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac",
	} {
		got, err := ScriptFor(address, net)
		require.NoError(t, err, address)
		require.Equal(t, script, hex.EncodeToString(got))
		again, err := ScriptFor(Address(got, net), net)
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	for address, reason := range map[string]string{
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh": "Version 0 witness address must use Bech32 checksum",
		"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P":       "Invalid Bech32 v0 address program size (16 bytes), per BIP141",
		"bc1pw5dgrnzv":                               "Invalid Bech32 address program size (1 byte)",
		"tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx": "Invalid or unsupported prefix for Segwit (Bech32) address (expected bc, got tb).",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb":         "Invalid checksum or length of Base58 address (P2PKH or P2SH)",
		"asfah14i8fajz0123f":                         "Invalid or unsupported Segwit (Bech32) or Base58 encoding.",
	} {
		_, err := ScriptFor(address, net)
		require.EqualError(t, err, reason, address)
	}
}

func TestAsm(t *testing.T) {
	require.Equal(t, "OP_DUP OP_HASH160 62e907b15cbf27d5425399ebf6f0fb50ebb88f18 OP_EQUALVERIFY OP_CHECKSIG",
		Asm(unhex(t, "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac"), false))
	require.Equal(t, "0 1 16 -1 486604799 4 OP_CHECKSEQUENCEVERIFY OP_CHECKSIGADD OP_UNKNOWN [error]",
		Asm(unhex(t, "0051604f04ffff001d0104b2babb4c"), false))
}

func TestInferredDescriptors(t *testing.T) {
	net := &chaincfg.RegressionNetParams
	require.Equal(t, "raw(51)#8lvh9jxk", Descriptor([]byte{0x51}, net))
	script, err := ScriptFor("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", net)
	require.NoError(t, err)
	require.Equal(t, "addr(mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn)", Descriptor(script, net)[:len("addr(mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn)")])
}
