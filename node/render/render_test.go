package render

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	return raw
}

// From BIP380.
func TestChecksum(t *testing.T) {
	require.Equal(t, "89f8spxm", Checksum("raw(deadbeef)"))
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
	script, err := address.Script("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", net)
	require.NoError(t, err)
	require.Equal(t, "addr(mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn)", Descriptor(script, net)[:len("addr(mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn)")])
}
