package render

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	return raw
}

func TestAsm(t *testing.T) {
	require.Equal(t, "OP_DUP OP_HASH160 62e907b15cbf27d5425399ebf6f0fb50ebb88f18 OP_EQUALVERIFY OP_CHECKSIG",
		Asm(unhex(t, "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac"), false))
	require.Equal(t, "0 1 16 -1 486604799 4 OP_CHECKSEQUENCEVERIFY OP_CHECKSIGADD OP_UNKNOWN [error]",
		Asm(unhex(t, "0051604f04ffff001d0104b2babb4c"), false))
}

// A script of a megabyte is written once, not anew for each of its operations.
func TestAsmOfALongScript(t *testing.T) {
	script := bytes.Repeat([]byte{txscript.OP_NOP}, 1_000_000)
	text := ""
	allocations := testing.AllocsPerRun(1, func() { text = Asm(script, true) })
	require.Len(t, text, len(script)*len("OP_NOP ")-1)
	require.Less(t, allocations, 100., "as the text grows")
}
