package consensus

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// What can be parsed is not refused for its counts.
func FuzzCountsRefuseNothingElse(f *testing.F) {
	f.Add(genesisRaw())
	f.Add(genesisRaw()[81:])
	witness := &wire.MsgTx{
		TxIn:  []*wire.TxIn{{Witness: wire.TxWitness{{1}, nil, nil, make([]byte, 300)}}, {SignatureScript: make([]byte, 253)}},
		TxOut: []*wire.TxOut{{}, {PkScript: make([]byte, 70_000)}},
	}
	f.Add(NewTx(witness).Raw())
	f.Fuzz(func(t *testing.T, raw []byte) {
		var tx wire.MsgTx
		if tx.Deserialize(bytes.NewReader(raw)) == nil {
			require.NoError(t, checkTxCounts(raw))
		}
		var block wire.MsgBlock
		if block.Deserialize(bytes.NewReader(raw)) == nil {
			require.NoError(t, checkBlockCounts(raw))
		}
	})
}
