package sign_test

import (
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// leafScript is one key, or a multisig of BIP342.
func leafScript(required int, keys ...byte) []byte {
	b := txscript.NewScriptBuilder()
	for i, n := range keys {
		b.AddData(publicKey(n)[1:])
		if i == 0 {
			b.AddOp(txscript.OP_CHECKSIG)
		} else {
			b.AddOp(txscript.OP_CHECKSIGADD)
		}
	}
	if len(keys) > 1 {
		b.AddInt64(int64(required)).AddOp(txscript.OP_NUMEQUAL)
	}
	script, err := b.Script()
	if err != nil {
		panic(err) // these are short
	}
	return script
}

// tree is a P2TR output with leaves, and what has to be known to spend it by them.
func tree(t *testing.T, leaves ...[]byte) ([]byte, sign.Material) {
	var list []txscript.TapLeaf
	for _, leaf := range leaves {
		list = append(list, txscript.NewBaseTapLeaf(leaf))
	}
	assembled := txscript.AssembleTaprootScriptTree(list...)
	internal := secret(9, true).Key.PubKey()
	root := assembled.RootNode.TapHash()
	m := sign.Material{Taproot: sign.Taproot{InternalKey: sign.XOnly(schnorr.SerializePubKey(internal)), MerkleRoot: root, Leaves: map[sign.Leaf][][]byte{}}}
	for i, leaf := range leaves {
		control := assembled.LeafMerkleProofs[i].ToControlBlock(internal)
		raw, err := control.ToBytes()
		require.NoError(t, err)
		m.Leaves[sign.Leaf{Script: string(leaf), Version: byte(txscript.BaseLeafVersion)}] = [][]byte{raw}
	}
	return output.PayToTaproot(schnorr.SerializePubKey(txscript.ComputeTaprootOutputKey(internal, root[:]))), m
}

func TestLeavesAreSigned(t *testing.T) {
	script, known := tree(t, leafScript(1, 1), leafScript(2, 2, 3, 4), []byte{txscript.OP_TRUE})
	for name, c := range map[string]struct {
		keys     []byte
		complete bool
		elements int
	}{
		"the key path":     {[]byte{9}, true, 1},
		"one key":          {[]byte{1}, true, 3},
		"two of three":     {[]byte{2, 4}, true, 5},
		"the smaller leaf": {[]byte{1, 2, 3}, true, 3},
		"one of three":     {[]byte{3}, false, 0},
		"a stranger":       {[]byte{8}, false, 0},
	} {
		for _, kind := range hashTypes {
			data := sign.Data{Material: known.Clone()}
			s := spendingOf(script)
			require.Equal(t, c.complete, sign.Produce(provider(c.keys...), s.Input(0, kind), script, &data), "%s %x", name, kind)
			require.Len(t, data.Witness, c.elements, name)
			require.True(t, data.IsWitness)
		}
	}
	data := sign.Data{Material: known.Clone()}
	s := spendingOf(script)
	require.False(t, sign.Produce(provider(2), s.Input(0, txscript.SigHashDefault), script, &data))
	require.Len(t, data.ScriptSignatures, 1)
	require.True(t, sign.Produce(provider(3), s.Input(0, txscript.SigHashDefault), script, &data), "what was signed before counts")
}

func TestOtherLeavesAreLeftAlone(t *testing.T) {
	one := leafScript(1, 1)
	for name, leaf := range map[string][]byte{
		"nothing": {}, "true": {txscript.OP_TRUE}, "a key": one[:33], "more": append(one[:34:34], txscript.OP_TRUE),
		"a count above the keys": append(leafScript(2, 1, 2)[:68:68], txscript.OP_3, txscript.OP_NUMEQUAL),
		"another end":            append(leafScript(2, 1, 2)[:69:69], txscript.OP_EQUAL),
		"no count":               append(leafScript(2, 1, 2)[:68:68], txscript.OP_0, txscript.OP_NUMEQUAL),
		"a long count":           append(leafScript(2, 1, 2)[:68:68], 1, 2, txscript.OP_NUMEQUAL),
	} {
		script, known := tree(t, leaf)
		data := sign.Data{Material: known}
		require.False(t, sign.Produce(provider(1, 2), spendingOf(script).Input(0, txscript.SigHashDefault), script, &data), name)
	}
}
