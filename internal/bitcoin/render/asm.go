package render

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

// Asm disassembles a script. With sigHash, what looks like a signature shows
// its hash type in brackets.
func Asm(script []byte, sigHash bool) string {
	var text strings.Builder
	tell := func(token string) {
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(token)
	}
	sigHash = sigHash && !output.Unspendable(script)
	tokens := txscript.MakeScriptTokenizer(0, script)
	for tokens.Next() {
		if data := tokens.Data(); tokens.Opcode() <= txscript.OP_PUSHDATA4 {
			tell(asmPush(data, sigHash))
		} else {
			tell(opcodeName(tokens.Opcode()))
		}
	}
	if tokens.Err() != nil {
		tell("[error]")
	}
	return text.String()
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
		return opcodeNames()[op-txscript.OP_NOP]
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
		"OP_NOP", "OP_VER", "OP_IF", "OP_NOTIF", "OP_VERIF", "OP_VERNOTIF", "OP_ELSE", "OP_ENDIF", "OP_VERIFY", "OP_RETURN",
		"OP_TOALTSTACK", "OP_FROMALTSTACK", "OP_2DROP", "OP_2DUP", "OP_3DUP", "OP_2OVER", "OP_2ROT", "OP_2SWAP", "OP_IFDUP", "OP_DEPTH",
		"OP_DROP", "OP_DUP", "OP_NIP", "OP_OVER", "OP_PICK", "OP_ROLL", "OP_ROT", "OP_SWAP", "OP_TUCK",
		"OP_CAT", "OP_SUBSTR", "OP_LEFT", "OP_RIGHT", "OP_SIZE", "OP_INVERT", "OP_AND", "OP_OR", "OP_XOR", "OP_EQUAL", "OP_EQUALVERIFY",
		"OP_RESERVED1", "OP_RESERVED2", "OP_1ADD", "OP_1SUB", "OP_2MUL", "OP_2DIV", "OP_NEGATE", "OP_ABS", "OP_NOT", "OP_0NOTEQUAL",
		"OP_ADD", "OP_SUB", "OP_MUL", "OP_DIV", "OP_MOD", "OP_LSHIFT", "OP_RSHIFT", "OP_BOOLAND", "OP_BOOLOR", "OP_NUMEQUAL",
		"OP_NUMEQUALVERIFY", "OP_NUMNOTEQUAL", "OP_LESSTHAN", "OP_GREATERTHAN", "OP_LESSTHANOREQUAL", "OP_GREATERTHANOREQUAL",
		"OP_MIN", "OP_MAX", "OP_WITHIN", "OP_RIPEMD160", "OP_SHA1", "OP_SHA256", "OP_HASH160", "OP_HASH256", "OP_CODESEPARATOR",
		"OP_CHECKSIG", "OP_CHECKSIGVERIFY", "OP_CHECKMULTISIG", "OP_CHECKMULTISIGVERIFY",
		"OP_NOP1", "OP_CHECKLOCKTIMEVERIFY", "OP_CHECKSEQUENCEVERIFY", "OP_NOP4", "OP_NOP5", "OP_NOP6", "OP_NOP7", "OP_NOP8", "OP_NOP9", "OP_NOP10",
		"OP_CHECKSIGADD",
	}
}
