package script_test

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/script"
	"github.com/bulkheadnode/bulkhead/node/script/vectors"
)

// A transaction with half a million items in a witness is read, and verified as it
// was; so is one whose items are as large as a block allows.
func TestLargeWitnessesAreReadAndVerified(t *testing.T) {
	leaf := []byte{txscript.OP_RESERVED} // OP_SUCCESS
	pkScript, control := vectors.TapLeaf(t, leaf)
	for name, witness := range map[string]wire.TxWitness{
		"half a million":   append(make(wire.TxWitness, 500_001), leaf, control),
		"a large one":      {make([]byte, 3_900_000), leaf, control},
		"large and larger": {make([]byte, 1_000_000), make([]byte, 2_900_000), leaf, control},
	} {
		sent := wire.NewMsgTx(2)
		sent.AddTxIn(&wire.TxIn{Witness: witness})
		sent.AddTxOut(&wire.TxOut{PkScript: []byte{txscript.OP_1}})
		var raw bytes.Buffer
		require.NoError(t, sent.Serialize(&raw))
		tx, err := consensus.ParseTx(raw.Bytes())
		require.NoError(t, err, name)
		require.Len(t, tx.TxIn[0].Witness, len(witness))
		job := script.Job{Tx: tx.MsgTx, Spent: []wire.TxOut{{PkScript: pkScript}}, Flags: blockRules}
		require.NoError(t, agreeing(t).Verify([]script.Job{job}, false), name)

		job.Tx.TxIn[0].Witness[len(witness)-1][32] ^= 1
		var failed *script.Error
		require.ErrorAs(t, agreeing(t).Verify([]script.Job{job}, false), &failed, name)
		require.Equal(t, "Witness program hash mismatch", failed.Reason)
	}
}
