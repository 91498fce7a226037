package render

import (
	"encoding/hex"
	"testing"

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
