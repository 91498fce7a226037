package interpreter

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/script/vectors"
)

// spend is a transaction with what it spends, and rules.
type spend struct {
	tx    *wire.MsgTx
	spent []wire.TxOut
	flags txscript.ScriptFlags
}

func spendOf(s vectors.Spend) spend { return spend{s.Tx, s.Spent, s.Flags} }

// verify runs the scripts of all inputs.
func (s spend) verify() error {
	tx := NewTx(s.tx, s.spent)
	for i := range s.tx.TxIn {
		if err := tx.Verify(i, s.flags); err != nil {
			return err
		}
	}
	return nil
}
