package interpreter

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/txscript/v2"
)

// instruction reads the one at script[at:]. data is what it pushes; next is
// where the following one begins. If the script ends within it, ok is false.
func instruction(script []byte, at int) (op byte, data []byte, next int, ok bool) {
	op = script[at]
	at++
	if op > txscript.OP_PUSHDATA4 {
		return op, nil, at, true
	}
	size := uint64(op)
	if op >= txscript.OP_PUSHDATA1 {
		width := 1 << (op - txscript.OP_PUSHDATA1)
		if len(script)-at < width {
			return op, nil, 0, false
		}
		size = littleEndian(script[at : at+width])
		at += width
	}
	if uint64(len(script)-at) < size {
		return op, nil, 0, false
	}
	next = at + int(size)
	return op, script[at:next:next], next, true
}

func littleEndian(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	}
	return uint64(binary.LittleEndian.Uint32(b))
}

// isMinimalPush reports whether op is the shortest way to push data (BIP62,
// rule 3).
func isMinimalPush(op byte, data []byte) bool {
	switch n := len(data); {
	case n == 0:
		return op == txscript.OP_0
	case n == 1 && (data[0] >= 1 && data[0] <= 16 || data[0] == 0x81):
		return false
	case n <= txscript.OP_DATA_75:
		return int(op) == n
	case n <= 0xff:
		return op == txscript.OP_PUSHDATA1
	case n <= 0xffff:
		return op == txscript.OP_PUSHDATA2
	}
	return true
}

func isPushOnly(script []byte) bool {
	for at := 0; at < len(script); {
		op, _, next, ok := instruction(script, at)
		if !ok || op > txscript.OP_16 {
			return false
		}
		at = next
	}
	return true
}

// isScriptHash: HASH160 <20 bytes> EQUAL (BIP16).
func isScriptHash(s []byte) bool {
	return len(s) == 23 && s[0] == txscript.OP_HASH160 && s[1] == 20 && s[22] == txscript.OP_EQUAL
}

// witnessProgram takes a script apart that is a version and a program of 2 to
// 40 bytes (BIP141).
func witnessProgram(s []byte) (version int, program []byte, ok bool) {
	if len(s) < 4 || len(s) > 42 || int(s[1])+2 != len(s) {
		return 0, nil, false
	}
	switch {
	case s[0] == txscript.OP_0:
		return 0, s[2:], true
	case s[0] >= txscript.OP_1 && s[0] <= txscript.OP_16:
		return int(s[0]-txscript.OP_1) + 1, s[2:], true
	}
	return 0, nil, false
}

// isOpSuccess: an opcode that makes every tapscript valid (BIP342).
func isOpSuccess(op byte) bool {
	switch {
	case op == 80, op == 98, op >= 126 && op <= 129, op >= 131 && op <= 134, op >= 137 && op <= 138,
		op >= 141 && op <= 142, op >= 149 && op <= 153, op >= 187 && op <= 254:
		return true
	}
	return false
}

// isDisabled: an opcode that fails a script even where it is not executed
// (CVE-2010-5137).
func isDisabled(op byte) bool {
	switch {
	case op >= txscript.OP_CAT && op <= txscript.OP_RIGHT, op >= txscript.OP_INVERT && op <= txscript.OP_XOR,
		op == txscript.OP_2MUL, op == txscript.OP_2DIV, op >= txscript.OP_MUL && op <= txscript.OP_RSHIFT:
		return true
	}
	return false
}
