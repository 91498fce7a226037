package miniscript

import (
	"slices"

	"github.com/btcsuite/btcd/txscript/v2"
)

// token is an opcode with what it pushes.
type token struct {
	op   byte
	data []byte
}

// tokens takes a script apart, from its end. Opcodes that verify what they compute are
// two tokens. It fails if a push or one of those could be shorter.
func tokens(script []byte) ([]token, bool) {
	apart := map[byte]byte{
		txscript.OP_CHECKSIGVERIFY: txscript.OP_CHECKSIG, txscript.OP_CHECKMULTISIGVERIFY: txscript.OP_CHECKMULTISIG,
		txscript.OP_EQUALVERIFY: txscript.OP_EQUAL, txscript.OP_NUMEQUALVERIFY: txscript.OP_NUMEQUAL,
	}
	mergeable := byte(txscript.OP_INVALIDOPCODE) // an opcode that merges with VERIFY, if it was the last
	var list []token
	all := txscript.MakeScriptTokenizer(0, script)
	for all.Next() {
		op, data := all.Opcode(), all.Data()
		if op == txscript.OP_VERIFY && mergeable != txscript.OP_INVALIDOPCODE {
			return nil, false
		}
		mergeable = txscript.OP_INVALIDOPCODE
		switch {
		case op >= txscript.OP_1 && op <= txscript.OP_16:
			data = []byte{op - txscript.OP_1 + 1}
		case apart[op] != 0:
			list = append(list, token{op: apart[op]})
			op = txscript.OP_VERIFY
		case op <= txscript.OP_PUSHDATA4:
			if !minimal(op, data) {
				return nil, false
			}
		case op == txscript.OP_CHECKSIG, op == txscript.OP_CHECKMULTISIG, op == txscript.OP_EQUAL, op == txscript.OP_NUMEQUAL:
			mergeable = op
		}
		list = append(list, token{op, data})
	}
	slices.Reverse(list)
	return list, all.Err() == nil
}

// minimal reports whether data is pushed in the shortest way (BIP62).
func minimal(op byte, data []byte) bool {
	switch n := len(data); {
	case n == 0:
		return op == txscript.OP_0
	case n == 1 && (data[0] >= 1 && data[0] <= 16 || data[0] == 0x81):
		return false
	case n < txscript.OP_PUSHDATA1:
		return int(op) == n
	case n <= 0xff:
		return op == txscript.OP_PUSHDATA1
	case n <= 0xffff:
		return op == txscript.OP_PUSHDATA2
	}
	return op == txscript.OP_PUSHDATA4
}

// number reads a script number of at most four bytes in its shortest form.
func (t token) number() (int64, bool) {
	if t.op == txscript.OP_0 {
		return 0, true
	}
	const most = 4
	n := len(t.data)
	if n == 0 || n > most || t.op > txscript.OP_16 {
		return 0, false
	}
	last := t.data[n-1]
	if last&0x7f == 0 && (n == 1 || t.data[n-2]&0x80 == 0) {
		return 0, false
	}
	value := int64(0)
	for i, b := range t.data {
		value |= int64(b) << (8 * i)
	}
	if last&0x80 != 0 {
		return -(value &^ (0x80 << (8 * (n - 1)))), true
	}
	return value, true
}
