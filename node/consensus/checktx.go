package consensus

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node/coins"
)

// CheckTx verifies the rules for a transaction that need no context.
func CheckTx(tx *Tx) *Reject {
	switch {
	case len(tx.TxIn) == 0:
		return Rejectf(Invalid, "bad-txns-vin-empty", "")
	case len(tx.TxOut) == 0:
		return Rejectf(Invalid, "bad-txns-vout-empty", "")
	case tx.StrippedSize*WitnessScale > MaxBlockWeight:
		return Rejectf(Invalid, "bad-txns-oversize", "")
	}
	if err := checkOutputs(tx); err != nil {
		return err
	}
	if duplicateInputs(tx.TxIn) {
		return Rejectf(Invalid, "bad-txns-inputs-duplicate", "")
	}
	if tx.IsCoinbase() {
		if n := len(tx.TxIn[0].SignatureScript); n < 2 || n > 100 {
			return Rejectf(Invalid, "bad-cb-length", "")
		}
		return nil
	}
	for _, in := range tx.TxIn {
		if isNull(&in.PreviousOutPoint) {
			return Rejectf(Invalid, "bad-txns-prevout-null", "")
		}
	}
	return nil
}

func checkOutputs(tx *Tx) *Reject {
	total := int64(0)
	for _, out := range tx.TxOut {
		switch {
		case out.Value < 0:
			return Rejectf(Invalid, "bad-txns-vout-negative", "")
		case out.Value > MaxMoney:
			return Rejectf(Invalid, "bad-txns-vout-toolarge", "")
		}
		if total += out.Value; total > MaxMoney {
			return Rejectf(Invalid, "bad-txns-txouttotal-toolarge", "")
		}
	}
	return nil
}

func duplicateInputs(ins []*wire.TxIn) bool {
	const few = 8
	if len(ins) <= few {
		for i := range ins {
			for j := range i {
				if ins[i].PreviousOutPoint == ins[j].PreviousOutPoint {
					return true
				}
			}
		}
		return false
	}
	seen := make(map[wire.OutPoint]struct{}, len(ins))
	for _, in := range ins {
		seen[in.PreviousOutPoint] = struct{}{}
	}
	return len(seen) < len(ins)
}

// CheckInputs verifies amounts and maturity, given the coins that the inputs
// spend, for a block at height. It returns the fee.
func CheckInputs(tx *Tx, spent []coins.Coin, height int32) (fee int64, err *Reject) {
	in := int64(0)
	for i := range spent {
		c := &spent[i]
		if c.Coinbase && height-c.Height < chains.CoinbaseMaturity {
			return 0, Rejectf(Premature, "bad-txns-premature-spend-of-coinbase",
				"tried to spend coinbase at depth %d", height-c.Height)
		}
		in += c.Value
		if c.Value < 0 || c.Value > MaxMoney || in > MaxMoney {
			return 0, Rejectf(Invalid, "bad-txns-inputvalues-outofrange", "")
		}
	}
	out := tx.ValueOut()
	if in < out {
		return 0, Rejectf(Invalid, "bad-txns-in-belowout", "value in (%s) < value out (%s)", amount(in), amount(out))
	}
	return in - out, nil
}

// ValueOut is the sum of the outputs, which CheckTx has bounded.
func (t *Tx) ValueOut() (sum int64) {
	for _, out := range t.TxOut {
		sum += out.Value
	}
	return sum
}
