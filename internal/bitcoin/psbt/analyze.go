package psbt

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/amount"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// Role is who has to act next (BIP174).
type Role int

// The roles, in the order in which they act.
const (
	Creator Role = iota
	Updater
	Signer
	Finalizer
	Extractor
)

func (r Role) String() string {
	return [...]string{"creator", "updater", "signer", "finalizer", "extractor"}[r]
}

// InputStatus is how far an input is.
type InputStatus struct {
	HasUTXO bool
	Final   bool
	Next    Role
	Missing sign.Missing
}

// Analysis is how far a packet is.
type Analysis struct {
	Inputs []InputStatus
	Next   Role
	Fee    *amount.Amount // if all that is spent is known
	// Measured has scripts and witnesses as long as the final ones, and Spent what it
	// spends; nil if they are not known.
	Measured *wire.MsgTx
	Spent    []wire.TxOut
}

// Analyze tells how far a packet is, which is of no more use after that. An error says why
// it cannot become a valid transaction.
func (p *Packet) Analyze(check sign.Checker) (a Analysis, err error) {
	s, err := p.Spending(check)
	if err != nil {
		return a, wording.Errorf("PSBT cannot be made into a valid transaction")
	}
	a.Inputs = make([]InputStatus, len(p.Inputs))
	total, all := amount.Amount(0), true
	for i, in := range p.Inputs {
		utxo := in.UTXO()
		if utxo == nil {
			all = false
		} else if total += amount.Amount(utxo.Value); !inRange(utxo.Value) || !inRange(int64(total)) {
			return Analysis{}, wording.Errorf("PSBT is not valid. Input %d has invalid value", i)
		} else if output.Unspendable(utxo.PkScript) {
			return Analysis{}, wording.Errorf("PSBT is not valid. Input %d spends unspendable output", i)
		}
		a.Inputs[i] = p.status(s, i)
	}
	a.Next = Extractor
	for _, status := range a.Inputs {
		a.Next = min(a.Next, status.Next)
	}
	if !all {
		return a, nil
	}
	paid := int64(0)
	for _, out := range p.Outputs {
		if paid += out.Amount; !inRange(out.Amount) || !inRange(paid) {
			return Analysis{}, wording.Errorf("PSBT is not valid. Output amount invalid")
		}
	}
	total -= amount.Amount(paid)
	a.Fee = &total
	a.Measured, a.Spent = p.measure(s)
	return a, nil
}

func inRange(value int64) bool { return value >= 0 && amount.Amount(value) <= amount.Max }

func (p *Packet) status(s *sign.Spending, index int) InputStatus {
	if p.Inputs[index].UTXO() == nil {
		return InputStatus{Next: Updater}
	}
	if p.Valid(s, index) {
		return InputStatus{HasUTXO: true, Final: true, Next: Extractor}
	}
	missing, err := p.Sign(s, index, &sign.Provider{}, Options{Finalize: true})
	switch {
	case err == nil:
		return InputStatus{HasUTXO: true, Next: Finalizer}
	case len(missing.Keys) == 0 && missing.RedeemScript == nil && missing.WitnessScript == nil && len(missing.Signatures) > 0:
		return InputStatus{HasUTXO: true, Next: Signer, Missing: missing}
	}
	return InputStatus{HasUTXO: true, Next: Updater, Missing: missing}
}

// measure returns nil if an input cannot be completed.
func (p *Packet) measure(s *sign.Spending) (*wire.MsgTx, []wire.TxOut) {
	spent := make([]wire.TxOut, len(p.Inputs))
	for i, in := range p.Inputs {
		spent[i] = *in.UTXO()
		// Bitcoin Core runs no taproot here, so one that is final is not measured.
		if output.TypeOf(spent[i].PkScript) != output.WitnessTaproot && p.Valid(s, i) {
			continue
		}
		if in.measure() != nil {
			return nil, nil
		}
	}
	tx, err := p.Extract()
	if err != nil {
		return nil, nil
	}
	return tx, spent
}
