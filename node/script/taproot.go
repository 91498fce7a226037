package script

import (
	"errors"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// taprootReason tells apart what the engine reports alike, or as for older
// scripts, when a taproot output is spent (BIP341, BIP342).
func taprootReason(job *Job, index int, err error) (reason string, ok bool) {
	if !txscript.IsPayToTaproot(job.Spent[index].PkScript) {
		return "", false
	}
	var e txscript.Error
	if !errors.As(err, &e) {
		// A key is not one: the output's own, or that of the control block.
		if len(withoutAnnex(job.Tx.TxIn[index].Witness)) == 1 {
			return "Invalid Schnorr signature", true
		}
		return "Witness program hash mismatch", true
	}
	switch e.ErrorCode {
	case txscript.ErrMinimalIf:
		return "OP_IF/NOTIF argument must be minimal in tapscript", true
	case txscript.ErrNullFail, txscript.ErrTaprootSigInvalid, txscript.ErrInvalidTaprootSigLen:
		if hasWrongHashType(job.Tx, index) {
			return "Invalid Schnorr signature hash type", true
		}
	}
	if e.ErrorCode == txscript.ErrNullFail {
		return "Invalid Schnorr signature", true
	}
	return "", false
}

// hasWrongHashType reports whether an element of the witness looks like a
// signature whose hash type this input cannot have.
func hasWrongHashType(tx *wire.MsgTx, index int) bool {
	stack := withoutAnnex(tx.TxIn[index].Witness)
	if n := len(stack); n > 1 {
		stack = stack[:n-2] // without script and control block
	}
	for _, element := range stack {
		if len(element) == signature.Schnorr+1 && !mayHave(tx, index, txscript.SigHashType(element[signature.Schnorr])) {
			return true
		}
	}
	return false
}

func withoutAnnex(w wire.TxWitness) wire.TxWitness {
	if n := len(w); n > 1 && len(w[n-1]) > 0 && w[n-1][0] == txscript.TaprootAnnexTag {
		return w[:n-1]
	}
	return w
}

// mayHave reports whether a hash type may be spelled out for an input.
func mayHave(tx *wire.MsgTx, index int, hashType txscript.SigHashType) bool {
	switch hashType &^ txscript.SigHashAnyOneCanPay {
	case txscript.SigHashAll, txscript.SigHashNone:
		return true
	case txscript.SigHashSingle:
		return index < len(tx.TxOut)
	}
	return false
}
