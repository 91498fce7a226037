package render

import (
	"encoding/hex"
	"strconv"

	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

// Asm disassembles a script. With sigHash, what looks like a signature shows
// its hash type in brackets.
func Asm(script []byte, sigHash bool) string {
	text := ""
	tokens := txscript.MakeScriptTokenizer(0, script)
	for tokens.Next() {
		if text != "" {
			text += " "
		}
		if data := tokens.Data(); tokens.Opcode() <= txscript.OP_PUSHDATA4 {
			text += asmPush(data, sigHash && !output.Unspendable(script))
		} else {
			text += opcodeName(tokens.Opcode())
		}
	}
	if tokens.Err() != nil {
		if text != "" {
			text += " "
		}
		text += "[error]"
	}
	return text
}

// asmPush shows what fits a number as one.
func asmPush(data []byte, sigHash bool) string {
	const number = 4
	if len(data) <= number {
		return strconv.FormatInt(scriptNumber(data), 10)
	}
	if sigHash {
		if name := signatureHashType(data); name != "" {
			return hex.EncodeToString(data[:len(data)-1]) + "[" + name + "]"
		}
	}
	return hex.EncodeToString(data)
}

// scriptNumber reads little-endian bytes with the sign in the highest bit.
func scriptNumber(data []byte) int64 {
	n := int64(0)
	for i, b := range data {
		n |= int64(b) << (8 * i)
	}
	if len(data) > 0 && data[len(data)-1]&0x80 != 0 {
		n &^= 0x80 << (8 * (len(data) - 1))
		n = -n
	}
	return n
}

func signatureHashType(data []byte) string {
	names := map[byte]string{
		1: "ALL", 2: "NONE", 3: "SINGLE", 0x81: "ALL|ANYONECANPAY", 0x82: "NONE|ANYONECANPAY", 0x83: "SINGLE|ANYONECANPAY",
	}
	name := names[data[len(data)-1]]
	if name == "" {
		return ""
	}
	if _, err := ecdsa.ParseDERSignature(data[:len(data)-1]); err != nil {
		return ""
	}
	return name
}

func opcodeName(op byte) string {
	switch {
	case op == txscript.OP_1NEGATE:
		return "-1"
	case op >= txscript.OP_1 && op <= txscript.OP_16:
		return strconv.Itoa(int(op) - txscript.OP_1 + 1)
	case op >= txscript.OP_NOP && op <= txscript.OP_CHECKSIGADD:
		if name := opcodeNames()[op-txscript.OP_NOP]; name != "" {
			return "OP_" + name
		}
	case op == txscript.OP_RESERVED:
		return "OP_RESERVED"
	case op == txscript.OP_INVALIDOPCODE:
		return "OP_INVALIDOPCODE"
	}
	return "OP_UNKNOWN"
}

// opcodeNames are those from OP_NOP to OP_CHECKSIGADD.
func opcodeNames() [90]string {
	return [90]string{
		"NOP", "VER", "IF", "NOTIF", "VERIF", "VERNOTIF", "ELSE", "ENDIF", "VERIFY", "RETURN",
		"TOALTSTACK", "FROMALTSTACK", "2DROP", "2DUP", "3DUP", "2OVER", "2ROT", "2SWAP", "IFDUP", "DEPTH",
		"DROP", "DUP", "NIP", "OVER", "PICK", "ROLL", "ROT", "SWAP", "TUCK",
		"CAT", "SUBSTR", "LEFT", "RIGHT", "SIZE", "INVERT", "AND", "OR", "XOR", "EQUAL", "EQUALVERIFY",
		"RESERVED1", "RESERVED2", "1ADD", "1SUB", "2MUL", "2DIV", "NEGATE", "ABS", "NOT", "0NOTEQUAL",
		"ADD", "SUB", "MUL", "DIV", "MOD", "LSHIFT", "RSHIFT", "BOOLAND", "BOOLOR", "NUMEQUAL",
		"NUMEQUALVERIFY", "NUMNOTEQUAL", "LESSTHAN", "GREATERTHAN", "LESSTHANOREQUAL", "GREATERTHANOREQUAL",
		"MIN", "MAX", "WITHIN", "RIPEMD160", "SHA1", "SHA256", "HASH160", "HASH256", "CODESEPARATOR",
		"CHECKSIG", "CHECKSIGVERIFY", "CHECKMULTISIG", "CHECKMULTISIGVERIFY",
		"NOP1", "CHECKLOCKTIMEVERIFY", "CHECKSEQUENCEVERIFY", "NOP4", "NOP5", "NOP6", "NOP7", "NOP8", "NOP9", "NOP10",
		"CHECKSIGADD",
	}
}
