package sign

import (
	"errors"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	//lint:ignore SA1019 P2WSH scripts are looked up by it.
	"golang.org/x/crypto/ripemd160"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

var errUnknownSpent = errors.New("it is not known what is spent")

// maker solves one input.
type maker struct {
	*Provider
	*Data
	creator    Creator
	aggregates aggregates
}

// Produce solves an output script and adds what it found to data. It reports whether
// the input is complete.
func Produce(p *Provider, creator Creator, script []byte, data *Data) bool {
	if data.Complete {
		return true
	}
	m := maker{p, data, creator, indexed(data.Participants)}
	stack, kind, solved := m.step(script, false)
	var redeem []byte
	nested := solved && kind == output.ScriptHash
	if nested {
		redeem = stack[0]
		data.RedeemScript = redeem
		stack, kind, solved = m.step(redeem, false)
		solved = solved && kind != output.ScriptHash
	}
	stack, solved = m.witness(stack, kind, solved, nested)
	if !data.IsWitness {
		data.Witness = nil
	}
	if nested {
		stack = append(stack, redeem)
	}
	data.ScriptSig = pushAll(stack)
	data.Complete = solved && creator.valid(data.ScriptSig, data.Witness)
	return data.Complete
}

// witness moves what belongs there into the witness, and returns what is left for the
// script of the input.
func (m maker) witness(stack [][]byte, kind output.Type, solved, nested bool) ([][]byte, bool) {
	switch {
	case solved && kind == output.WitnessKeyHash:
		stack, _, solved = m.step(output.PayToKeyHash(stack[0]), true)
	case solved && kind == output.WitnessScriptHash:
		script := stack[0]
		m.WitnessScript = script
		stack, kind, solved = m.step(script, true)
		solved = solved && kind != output.ScriptHash && kind != output.WitnessScriptHash && kind != output.WitnessKeyHash
		stack = append(stack, script)
	case kind == output.WitnessTaproot && !nested:
		if !solved {
			m.IsWitness = true
			return nil, false
		}
	default:
		return stack, solved
	}
	m.IsWitness, m.Data.Witness = true, wire.TxWitness(stack)
	return nil, solved
}

// step solves one script: its type, and what it asks for, as far as that can be had.
func (m maker) step(script []byte, witness bool) (stack [][]byte, kind output.Type, solved bool) {
	kind = output.TypeOf(script)
	switch kind {
	case output.PubKey:
		if signature := m.signature(script[1:len(script)-1], script, witness); signature != nil {
			return [][]byte{signature}, kind, true
		}
	case output.PubKeyHash:
		stack = m.keyHash(script, witness)
	case output.ScriptHash:
		stack = m.script(KeyID(script[2:22]))
		if stack == nil {
			m.Missing.RedeemScript = (*KeyID)(script[2:22])
		}
	case output.MultiSig:
		stack, solved = m.multisig(script, witness)
		return stack, kind, solved
	case output.WitnessKeyHash:
		stack = [][]byte{script[2:]}
	case output.WitnessScriptHash:
		short := ripemd160.New()
		short.Write(script[2:])
		if stack = m.script(KeyID(short.Sum(nil))); stack == nil {
			m.Missing.WitnessScript = (*[32]byte)(script[2:])
		}
	case output.WitnessTaproot:
		stack = m.taproot(XOnly(script[2:]))
	case output.Anchor:
		return nil, kind, true
	}
	return stack, kind, stack != nil
}

// script returns a redeem or witness script, given by its HASH160.
func (m maker) script(id KeyID) [][]byte {
	if script, ok := m.Script(id); ok {
		return [][]byte{script}
	}
	for _, script := range [][]byte{m.RedeemScript, m.WitnessScript} {
		if IDOf(script) == id {
			return [][]byte{script}
		}
	}
	return nil
}

func (m maker) keyHash(script []byte, witness bool) [][]byte {
	id := KeyID(script[3:23])
	key := m.publicKey(id)
	if key == nil {
		m.Missing.Keys = append(m.Missing.Keys, id)
		return nil
	}
	signature := m.signature(key, script, witness)
	if signature == nil {
		return nil
	}
	return [][]byte{signature, key}
}

func (m maker) publicKey(id KeyID) []byte {
	if s, ok := m.Signatures[id]; ok {
		return s.Key
	}
	if o, ok := m.Origins[id]; ok {
		return o.Key
	}
	return m.keys[id]
}

// multisig makes all signatures that it can, though it needs no more than some: who
// signs next may need them. Half of those that lack are left empty, as in Bitcoin Core.
func (m maker) multisig(script []byte, witness bool) ([][]byte, bool) {
	required, keys, _ := output.Multisig(script)
	stack := [][]byte{{}} // CHECKMULTISIG takes one element too many
	for _, key := range keys {
		if signature := m.signature(key, script, witness); signature != nil && len(stack) <= required {
			stack = append(stack, signature)
		}
	}
	solved := len(stack) == required+1
	for i := 0; i+len(stack) <= required; i++ {
		stack = append(stack, []byte{})
	}
	return stack, solved
}

// signature returns the signature for a public key, made now or before; nil if there is
// none.
func (m maker) signature(key, code []byte, witness bool) []byte {
	id := IDOf(key)
	if s, ok := m.Signatures[id]; ok {
		return s.Signature
	}
	if o, ok := m.origin(id); ok {
		if _, there := m.Origins[id]; !there {
			put(&m.Origins, id, KeyOrigin{key, o.Origin})
		}
	}
	signature := m.creator.ecdsa(m.Provider, id, code, witness)
	if signature == nil {
		m.Missing.Signatures = append(m.Missing.Signatures, id)
		return nil
	}
	put(&m.Signatures, id, Signature{key, signature})
	return signature
}

// pushAll pushes elements in their shortest forms.
func pushAll(stack [][]byte) (script []byte) {
	for _, element := range stack {
		switch {
		case len(element) == 0:
			script = append(script, txscript.OP_0)
		case len(element) == 1 && element[0] >= 1 && element[0] <= 16:
			script = append(script, txscript.OP_1-1+element[0])
		case len(element) == 1 && element[0] == 0x81:
			script = append(script, txscript.OP_1NEGATE)
		default:
			script = appendPush(script, element)
		}
	}
	return script
}

func appendPush(script, data []byte) []byte {
	switch n := len(data); {
	case n < txscript.OP_PUSHDATA1:
		script = append(script, byte(n))
	case n <= 0xff:
		script = append(script, txscript.OP_PUSHDATA1, byte(n))
	case n <= 0xffff:
		script = append(script, txscript.OP_PUSHDATA2, byte(n), byte(n>>8))
	default:
		script = append(script, txscript.OP_PUSHDATA4, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	return append(script, data...)
}
