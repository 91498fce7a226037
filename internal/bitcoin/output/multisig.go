package output

import (
	"github.com/btcsuite/btcd/txscript/v2"
)

// MaxKeys is how many public keys CHECKMULTISIG takes.
const MaxKeys = 20

// Multisig takes a bare multisig script apart: how many signatures it needs, and
// the public keys, of which only lengths and first bytes have been looked at.
func Multisig(script []byte) (required int, keys [][]byte, ok bool) {
	if len(script) == 0 || script[len(script)-1] != txscript.OP_CHECKMULTISIG {
		return 0, nil, false
	}
	tokens := txscript.MakeScriptTokenizer(0, script[:len(script)-1])
	if !tokens.Next() {
		return 0, nil, false
	}
	if required, ok = pushedCount(tokens.Opcode(), tokens.Data()); !ok {
		return 0, nil, false
	}
	for tokens.Next() {
		if !keySized(tokens.Data()) {
			count, ok := pushedCount(tokens.Opcode(), tokens.Data())
			ok = ok && tokens.Done() && tokens.Err() == nil && count == len(keys) && required <= count
			return required, keys, ok
		}
		keys = append(keys, tokens.Data())
	}
	return 0, nil, false
}

// pushedCount reads a push of 1 to 20 in its shortest form.
func pushedCount(op byte, data []byte) (int, bool) {
	switch {
	case op >= txscript.OP_1 && op <= txscript.OP_16:
		return int(op) - txscript.OP_1 + 1, true
	case op == txscript.OP_DATA_1 && data[0] > 16 && data[0] <= MaxKeys:
		return int(data[0]), true
	}
	return 0, false
}

// keySized reports whether bytes have the length of a public key that begins so.
func keySized(key []byte) bool {
	const short, long = 33, 65
	if len(key) == 0 {
		return false
	}
	switch key[0] {
	case 2, 3:
		return len(key) == short
	case 4, 6, 7:
		return len(key) == long
	}
	return false
}

// MakeMultisig returns the bare multisig script of public keys: at most MaxKeys, and
// 1 to as many signatures.
func MakeMultisig(required int, keys [][]byte) []byte {
	script := pushCount(nil, required)
	for _, key := range keys {
		script = append(append(script, byte(len(key))), key...)
	}
	return append(pushCount(script, len(keys)), txscript.OP_CHECKMULTISIG)
}

// pushCount appends the push of 1 to 20.
func pushCount(script []byte, n int) []byte {
	if n <= 16 {
		return append(script, byte(txscript.OP_1-1+n))
	}
	return append(script, 1, byte(n))
}
