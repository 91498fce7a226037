package consensus

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/coins"
)

// The last push of a signature script is the redeem script, however it is pushed
// and whatever is before it. btcd took what is behind the first byte for it.
func TestSigOpsOfNestedPrograms(t *testing.T) {
	keyHash := append([]byte{txscript.OP_0, 20}, bytes.Repeat([]byte{7}, 20)...)
	scriptHash := append([]byte{txscript.OP_0, 32}, bytes.Repeat([]byte{7}, 32)...)
	checks := bytes.Repeat([]byte{txscript.OP_CHECKSIG}, 5)
	for name, c := range map[string]struct {
		sigScript []byte
		witness   wire.TxWitness
		cost      int
	}{
		"hash of a key":                   {append([]byte{22}, keyHash...), nil, 1},
		"hash of a key, with a witness":   {append([]byte{22}, keyHash...), wire.TxWitness{{1}, checks}, 1},
		"pushed by PUSHDATA1":             {append([]byte{txscript.OP_PUSHDATA1, 22}, keyHash...), nil, 1},
		"pushed behind another":           {append([]byte{txscript.OP_1, 22}, keyHash...), nil, 1},
		"hash of a script":                {append([]byte{34}, scriptHash...), wire.TxWitness{{1}, checks}, 5},
		"hash of a script, PUSHDATA1":     {append([]byte{txscript.OP_PUSHDATA1, 34}, scriptHash...), wire.TxWitness{checks}, 5},
		"hash of a script, no witness":    {append([]byte{34}, scriptHash...), nil, 0},
		"a program behind the first byte": {append([]byte{txscript.OP_0}, keyHash...), nil, 0},
		"not only pushes":                 {append([]byte{txscript.OP_NOP, 22}, keyHash...), nil, 0},
		"taproot":                         {append([]byte{34, txscript.OP_1, 32}, scriptHash[2:]...), wire.TxWitness{checks}, 0},
	} {
		pkScript := append(append([]byte{txscript.OP_HASH160, 20}, address.Hash160(c.sigScript)...), txscript.OP_EQUAL)
		tx := NewTx(&wire.MsgTx{TxIn: []*wire.TxIn{{SignatureScript: c.sigScript, Witness: c.witness}}})
		spent := []coins.Coin{{Script: pkScript}}
		require.Equal(t, c.cost, SigOpsCost(tx, spent, txscript.ScriptBip16|txscript.ScriptVerifyWitness), name)
		require.Equal(t, 0, SigOpsCost(tx, spent, txscript.ScriptBip16), "%s before BIP141", name)
	}
}
