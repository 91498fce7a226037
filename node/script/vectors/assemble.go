package vectors

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"
)

// assemble reads the vectors' notation of scripts: numbers, 0x-prefixed raw
// bytes, 'quoted' data and names of opcodes without OP_.
func assemble(t testing.TB, text string) []byte {
	t.Helper()
	var out []byte
	for _, token := range strings.Fields(text) {
		builder := txscript.NewScriptBuilder()
		if n, err := strconv.ParseInt(token, 10, 64); err == nil {
			builder.AddInt64(n)
		} else if raw, ok := strings.CutPrefix(token, "0x"); ok {
			bytes, err := hex.DecodeString(raw)
			require.NoError(t, err)
			out = append(out, bytes...)
			continue
		} else if token[0] == '\'' {
			builder.AddFullData([]byte(strings.Trim(token, "'")))
		} else {
			op, known := txscript.OpcodeByName["OP_"+strings.TrimPrefix(token, "OP_")]
			require.True(t, known, "token %q", token)
			builder.AddOp(op)
		}
		part, err := builder.Script()
		require.NoError(t, err)
		out = append(out, part...)
	}
	return out
}

// TapLeaf stands for the placeholders of taproot vectors: one script in a tree
// of its own, under the key without a known secret that BIP341 gives.
func TapLeaf(t testing.TB, leaf []byte) (pkScript, control []byte) {
	t.Helper()
	const nums = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
	raw, err := hex.DecodeString(nums)
	require.NoError(t, err)
	internal, err := schnorr.ParsePubKey(raw)
	require.NoError(t, err)
	tree := txscript.AssembleTaprootScriptTree(txscript.NewBaseTapLeaf(leaf))
	root := tree.RootNode.TapHash()
	output := txscript.ComputeTaprootOutputKey(internal, root[:])
	block := tree.LeafMerkleProofs[0].ToControlBlock(internal)
	control, err = block.ToBytes()
	require.NoError(t, err)
	return append([]byte{txscript.OP_1, 32}, schnorr.SerializePubKey(output)...), control
}
