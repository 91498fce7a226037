package sign

import (
	"github.com/btcsuite/btcd/txscript/v2"
)

// The texts of Bitcoin Core for an input that is not complete (script/sign.cpp).
const (
	NotFound      = "Input not found or already spent"
	MissingAmount = "Missing amount"
	wrongStack    = "Unable to sign input, invalid stack size (possibly missing key)"
	needsMore     = "CHECK(MULTI)SIG failing with non-zero signature (possibly need more signatures)"
)

// Errors of scripts which mean that something lacks (script/script_error.cpp).
const (
	stackError    = "Operation not valid with the current stack size"
	nullFailError = "Signature must be zero for failed CHECK(MULTI)SIG operation"
)

// Sign signs what it can of all inputs, and keeps what signatures they have. It returns
// for each input that is not complete the text of why.
func (s *Spending) Sign(p *Provider, hashType txscript.SigHashType) map[int]string {
	faults := map[int]string{}
	for i, in := range s.tx.TxIn {
		if !s.known[i] {
			faults[i] = NotFound
			continue
		}
		data := s.Extract(i, in.SignatureScript, in.Witness)
		// SINGLE would sign a constant for an input without an output.
		if hashType&^txscript.SigHashAnyOneCanPay != txscript.SigHashSingle || i < len(s.tx.TxOut) {
			Produce(p, s.Input(i, hashType), s.spent[i].PkScript, &data)
		}
		in.SignatureScript, in.Witness = data.ScriptSig, data.Witness
		if text := s.fault(i, &data); text != "" {
			faults[i] = text
		}
	}
	return faults
}

func (s *Spending) fault(index int, data *Data) string {
	if s.spent[index].Value == maxMoney && len(data.Witness) > 0 {
		return MissingAmount
	}
	if data.Complete {
		return ""
	}
	err := s.Check(index, data.ScriptSig, data.Witness)
	switch {
	case err == nil:
		return ""
	case err.Error() == stackError:
		return wrongStack
	case err.Error() == nullFailError:
		return needsMore
	}
	return err.Error()
}
