package interpreter

import (
	"bytes"

	"github.com/btcsuite/btcd/txscript/v2"
)

// without returns script code without the pushes of a signature, as far as
// signatures cannot sign themselves: witness programs sign the code as it is.
func (m *machine) without(code, sig []byte) ([]byte, *Error) {
	if m.version != base {
		return code, nil
	}
	rest, found := findAndDelete(code, sig)
	if found && m.has(txscript.ScriptVerifyConstScriptCode) {
		return nil, errSigFindAndDelete
	}
	return rest, nil
}

// findAndDelete removes all pushes of data from script, in the form that
// appendPush gives them. It compares bytes where an instruction begins, and
// where a removed one ended.
func findAndDelete(script, data []byte) (rest []byte, found bool) {
	// Only what contains it is worth parsing.
	if len(data) > 0 && !bytes.Contains(script, data) {
		return script, false
	}
	push := appendPush(nil, data)
	kept := 0
	for at := 0; ; {
		end := at
		for bytes.HasPrefix(script[at:], push) {
			at += len(push)
		}
		if at > end {
			rest, found = append(rest, script[kept:end]...), true
			kept = at
		}
		if at >= len(script) {
			break
		}
		_, _, next, ok := instruction(script, at)
		if !ok {
			break
		}
		at = next
	}
	if !found {
		return script, false
	}
	return append(rest, script[kept:]...), true
}

// appendPush appends the push of data, whose form depends on its length alone:
// a small number has none of its own.
func appendPush(to, data []byte) []byte {
	switch n := len(data); {
	case n <= txscript.OP_DATA_75:
		to = append(to, byte(n))
	case n <= 0xff:
		to = append(to, txscript.OP_PUSHDATA1, byte(n))
	default:
		to = append(to, txscript.OP_PUSHDATA2, byte(n), byte(n>>8))
	}
	return append(to, data...)
}

// appendCode appends a compact size and legacy script code, which is signed
// without its OP_CODESEPARATORs.
func appendCode(to, code []byte) []byte {
	if bytes.IndexByte(code, txscript.OP_CODESEPARATOR) < 0 {
		return append(appendCompactSize(to, len(code)), code...)
	}
	var rest []byte
	kept := 0
	for at := 0; at < len(code); {
		op, _, next, ok := instruction(code, at)
		if !ok {
			break // nobody can tell what was signed: the script fails
		}
		if op == txscript.OP_CODESEPARATOR {
			rest = append(rest, code[kept:at]...)
			kept = next
		}
		at = next
	}
	rest = append(rest, code[kept:]...)
	return append(appendCompactSize(to, len(rest)), rest...)
}
