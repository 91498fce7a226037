package sign

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

// Extract returns what the script and the witness of an input tell: that it is complete,
// or its scripts and the signatures of a multisig that is not.
func (s *Spending) Extract(index int, scriptSig []byte, witness wire.TxWitness) Data {
	data := Data{ScriptSig: scriptSig, Witness: witness}
	if s.Check(index, scriptSig, witness) == nil {
		data.Complete = true
		return data
	}
	script := s.spent[index].PkScript
	stack, ok := pushed(scriptSig)
	if !ok {
		stack = nil
	}
	if last, rest := lastOf(stack); output.TypeOf(script) == output.ScriptHash && len(last) > 0 {
		data.RedeemScript, script, stack = last, last, rest
	}
	inWitness := false
	if last, rest := lastOf(witness); output.TypeOf(script) == output.WitnessScriptHash && len(last) > 0 {
		data.WitnessScript, script, stack, inWitness = last, last, rest, true
	}
	if _, keys, multisig := output.Multisig(script); multisig {
		s.match(&data, index, stack, keys, script, inWitness)
	}
	return data
}

func lastOf(stack [][]byte) (last []byte, rest [][]byte) {
	if len(stack) == 0 {
		return nil, nil
	}
	return stack[len(stack)-1], stack[:len(stack)-1]
}

// match finds the public keys of signatures, which are in the order of those.
func (s *Spending) match(data *Data, index int, stack, keys [][]byte, code []byte, witness bool) {
	next := 0
	for _, signature := range stack {
		for i := next; i < len(keys); i++ {
			id := IDOf(keys[i])
			_, there := data.Signatures[id]
			valid := !there && s.validSignature(index, keys[i], signature, code, witness)
			if valid {
				put(&data.Signatures, id, Signature{keys[i], signature})
			}
			if there || valid {
				next = i + 1
				break
			}
		}
	}
}

func (s *Spending) validSignature(index int, key, signature, code []byte, witness bool) bool {
	if len(signature) == 0 {
		return false
	}
	der, kind := signature[:len(signature)-1], txscript.SigHashType(signature[len(signature)-1])
	hash := s.ecdsaHash(index, kind, code, witness)
	return hash != nil && validECDSA(key, der, hash)
}

// pushed returns the elements that a script pushes which does nothing else.
func pushed(script []byte) (stack [][]byte, ok bool) {
	tokens := txscript.MakeScriptTokenizer(0, script)
	for tokens.Next() {
		switch op := tokens.Opcode(); {
		case op == txscript.OP_0:
			stack = append(stack, []byte{})
		case op <= txscript.OP_PUSHDATA4:
			stack = append(stack, tokens.Data())
		case op == txscript.OP_1NEGATE:
			stack = append(stack, []byte{0x81})
		case op >= txscript.OP_1 && op <= txscript.OP_16:
			stack = append(stack, []byte{op - txscript.OP_1 + 1})
		default:
			return nil, false
		}
	}
	return stack, tokens.Err() == nil
}

// Combine returns the script and witness of an input that has the signatures of all
// attempts at it.
func (s *Spending) Combine(index int, attempts []*wire.TxIn) ([]byte, wire.TxWitness) {
	var data Data
	for _, in := range attempts {
		data.merge(s.Extract(index, in.SignatureScript, in.Witness))
	}
	Produce(&Provider{}, s.Input(index, txscript.SigHashAll), s.spent[index].PkScript, &data)
	return data.ScriptSig, data.Witness
}
