package spend

import (
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// Sizes of P2WPKH transactions in weight units and virtual bytes (BIP141).
// A signature is taken for the longest that occurs, 72 bytes.
const (
	overheadWeight = 4*(4+4) + 2 // version, lock time; marker and flag
	inputWeight    = 4*(36+1+4) + 1 + 1 + 72 + 1 + 33
	changeBytes    = 8 + 1 + 22
	// DustLimit is the least value of a P2WPKH output that is relayed, at the
	// usual dust fee rate of 3000 satoshi per 1000 vbytes.
	DustLimit = 294
)

// rbfSequence signals replaceability (BIP125) and enables the lock time.
const rbfSequence = wire.MaxTxInSequenceNum - 2

// Coin is an output to spend.
type Coin struct {
	OutPoint wire.OutPoint
	Value    int64
	Script   []byte
}

// Order says what to pay.
type Order struct {
	Outputs  []*wire.TxOut
	FeeRate  int64  // satoshi per 1000 vbytes
	Change   []byte // script of the change output
	LockTime uint32
	// SubtractFee takes the fee from the first output instead of adding it.
	SubtractFee bool
}

// Payment is an unsigned transaction with what it spends.
type Payment struct {
	Tx     *wire.MsgTx
	Spent  []Coin // one an input
	Fee    int64
	Change int64 // value of the change output, 0 if there is none
}

// Plan chooses among coins and builds the transaction. It fails with
// ErrInsufficient when they do not cover the amount and the fee.
func Plan(coins []Coin, order Order) (*Payment, error) {
	target := int64(0)
	weight := int64(overheadWeight) + 4*2 // counts of inputs and outputs
	for _, out := range order.Outputs {
		target += out.Value
		weight += 4 * int64(out.SerializeSize())
	}
	fee := func(weight int64) int64 { return ceilDiv(ceilDiv(weight, 4)*order.FeeRate, 1000) }
	baseFee, inputFee, changeFee := fee(weight), fee(inputWeight), fee(4*changeBytes)
	if order.SubtractFee {
		baseFee, inputFee = 0, 0
	}
	values := make([]int64, len(coins))
	for i, c := range coins {
		values[i] = c.Value
	}
	chosen, err := choose(values, inputFee, target+baseFee, changeFee+DustLimit)
	if err != nil {
		return nil, err
	}
	p := &Payment{Tx: wire.NewMsgTx(2)}
	p.Tx.LockTime = order.LockTime
	sum := int64(0)
	for _, i := range chosen {
		in := wire.NewTxIn(&coins[i].OutPoint, nil, nil)
		in.Sequence = rbfSequence
		p.Tx.AddTxIn(in)
		p.Spent = append(p.Spent, coins[i])
		sum += coins[i].Value
		weight += inputWeight
	}
	for _, out := range order.Outputs {
		p.Tx.AddTxOut(wire.NewTxOut(out.Value, out.PkScript))
	}
	return p, p.divide(order, sum-target, fee(weight), changeFee)
}

// divide parts what is left after the payment into fee and change.
func (p *Payment) divide(order Order, left, fee, changeFee int64) error {
	if order.SubtractFee {
		withChange := left >= DustLimit
		if withChange {
			fee += changeFee
			p.Tx.AddTxOut(wire.NewTxOut(left, order.Change))
			p.Change, left = left, 0
		}
		first := p.Tx.TxOut[0]
		first.Value -= max(fee-left, 0)
		if first.Value < DustLimit {
			return ErrTooSmall
		}
		p.Fee = max(fee, left)
		return nil
	}
	change := left - fee - changeFee
	if change < DustLimit {
		p.Fee = left
		return nil
	}
	p.Tx.AddTxOut(wire.NewTxOut(change, order.Change))
	p.Change, p.Fee = change, left-change
	return nil
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// Sign fills the witnesses. keyFor returns the private key of a script, which
// is wiped when it has signed.
func (p *Payment) Sign(keyFor func(script []byte) (*btcec.PrivateKey, error)) error {
	spent := make([]*wire.TxOut, len(p.Spent))
	for i, c := range p.Spent {
		spent[i] = wire.NewTxOut(c.Value, c.Script)
	}
	spending := sign.NewSpending(p.Tx, spent, nil)
	for i, c := range p.Spent {
		key, err := keyFor(c.Script)
		if err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
		var known sign.Provider
		known.AddSecret(sign.Secret{Key: key, Compressed: true})
		var data sign.Data
		complete := sign.Produce(&known, spending.Input(i, txscript.SigHashAll), c.Script, &data)
		known.Zero()
		if !complete {
			return fmt.Errorf("input %d: it is not that key's", i)
		}
		p.Tx.TxIn[i].Witness = data.Witness
	}
	return nil
}
