package psbt

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// The errors of what is done with packets, with Bitcoin Core's texts (common/messages.cpp).
var (
	ErrMissing    = wording.Errorf("Inputs missing or spent")
	ErrHashType   = wording.Errorf("Specified sighash value does not match value stored in PSBT")
	ErrIncomplete = wording.Errorf("Input needs additional signatures or other data")
	ErrInvalid    = wording.Errorf("The transaction cannot be valid")
)

// Unsigned returns the transaction without scripts and witnesses. It fails with
// ErrInvalid if inputs ask for lock times of both kinds.
func (p *Packet) Unsigned() (*wire.MsgTx, error) {
	lock, ok := p.lockTime()
	if !ok {
		return nil, ErrInvalid
	}
	tx := &wire.MsgTx{Version: int32(p.TxVersion), LockTime: lock}
	for _, in := range p.Inputs {
		sequence := uint32(wire.MaxTxInSequenceNum)
		if in.Sequence != nil {
			sequence = *in.Sequence
		}
		tx.TxIn = append(tx.TxIn, &wire.TxIn{PreviousOutPoint: in.PrevOut, Sequence: sequence})
	}
	for _, out := range p.Outputs {
		tx.TxOut = append(tx.TxOut, wire.NewTxOut(out.Amount, out.Script))
	}
	return tx, nil
}

// lockTime is the least that all inputs accept (BIP370, "Determining Lock Time"): a height
// if all can have one.
func (p *Packet) lockTime() (lock uint32, ok bool) {
	heights, times := true, true
	var height, time uint32
	for _, in := range p.Inputs {
		if in.HeightLock != nil {
			height = max(height, *in.HeightLock)
		} else if in.TimeLock != nil {
			heights = false
		}
		if in.TimeLock != nil {
			time = max(time, *in.TimeLock)
		} else if in.HeightLock != nil {
			times = false
		}
	}
	switch {
	case !heights && !times:
		return 0, false
	case heights && height > 0:
		return height, true
	case times && time > 0:
		return time, true
	case p.LockTime != nil:
		return *p.LockTime, true
	}
	return 0, true
}

// id identifies the transaction: packets with the same can be combined (BIP370, "Unique
// Identification").
func (p *Packet) id() (chainhash.Hash, error) {
	tx, err := p.Unsigned()
	if err != nil {
		return chainhash.Hash{}, err
	}
	if p.Version >= 2 {
		for _, in := range tx.TxIn {
			in.Sequence = 0
		}
	}
	return tx.TxHash(), nil
}
