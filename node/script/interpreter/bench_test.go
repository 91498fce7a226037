package interpreter

import (
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"
)

// multiSigScript: 2 <key> <key> <key> 3 CHECKMULTISIG.
func multiSigScript() []byte {
	script := []byte{txscript.OP_2}
	for k := range byte(3) {
		script = appendPush(script, encodeKey(testKey(k), 4))
	}
	return append(script, txscript.OP_3, txscript.OP_CHECKMULTISIG)
}

// addScript: two of three keys of a tapscript.
func addScript() (script []byte) {
	for k := range byte(3) {
		op := byte(txscript.OP_CHECKSIGADD)
		if k == 0 {
			op = txscript.OP_CHECKSIG
		}
		script = append(appendPush(script, encodeKey(testKey(k), 0)), op)
	}
	return append(script, txscript.OP_2, txscript.OP_NUMEQUAL)
}

// spendAll is a transaction whose inputs all spend a script with signatures of
// some keys. One of 0xff stands for an empty element.
func spendAll(t testing.TB, f form, inputs int, script []byte, keys ...byte) spend {
	t.Helper()
	s := blank(inputs, 2)
	s.flags = consensusFlags
	for i := range s.spent {
		s.spent[i].PkScript, _, _ = f.output(t, script)
	}
	for i, in := range s.tx.TxIn {
		var args [][]byte
		for _, k := range keys {
			if k == 0xff {
				args = append(args, nil)
				continue
			}
			args = append(args, f.sign(t, s, i, script, testKey(k), txscript.SigHashAll))
		}
		f.fill(t, in, &s.spent[i], script, args)
	}
	return s
}

// keyHashes spends outputs to hashes of keys.
func keyHashes(t testing.TB, inputs int) spend {
	t.Helper()
	key := encodeKey(testKey(1), 4)
	script := append(append([]byte{txscript.OP_DUP, txscript.OP_HASH160, 20}, address.Hash160(key)...),
		txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG)
	s := spendAll(t, bare, inputs, script, 1)
	for _, in := range s.tx.TxIn {
		in.SignatureScript = append(in.SignatureScript, pushes(key)...)
	}
	return s
}

var kinds = map[string]func(t testing.TB) spend{
	"P2PKH-200-inputs":  func(t testing.TB) spend { return keyHashes(t, 200) },
	"P2PKH-2000-inputs": func(t testing.TB) spend { return keyHashes(t, 2000) },
	"P2SH-2-of-3":       func(t testing.TB) spend { return spendAll(t, scriptHash, 2, multiSigScript(), 0xff, 0, 2) },
	"P2WSH-2-of-3":      func(t testing.TB) spend { return spendAll(t, witnessScriptHash, 2, multiSigScript(), 0xff, 0, 2) },
	"tapscript-CHECKSIG": func(t testing.TB) spend {
		return spendAll(t, tapLeafScript, 2, checkSigScript(tapLeafScript, 1), 1)
	},
	"tapscript-CHECKSIGADD": func(t testing.TB) spend { return spendAll(t, tapLeafScript, 2, addScript(), 2, 0xff, 0) },
	"costly-P2SH":           func(t testing.TB) spend { return hashedChecks(t, 166) },
	"costly-failing":        func(t testing.TB) spend { return failingChecks(t, 156) },
	"costly-tapscript":      func(t testing.TB) spend { return hashingLeaf(t, 390_000) },
	"costly-output":         func(t testing.TB) spend { return singleChecks(t, 400, 90_000) },
	"costly-bare":           func(t testing.TB) spend { return bareChecks(t, 100) },
}

// BenchmarkKinds verifies all inputs of a transaction, here and in btcd's engine.
func BenchmarkKinds(b *testing.B) {
	for name, make := range kinds {
		b.Run(name, func(b *testing.B) {
			s := make(b)
			require.NoError(b, s.verifyOne(0))
			require.NoError(b, s.twin(0))
			b.Run("interpreter", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if s.verify() != nil {
						b.Fatal("refused")
					}
				}
			})
			b.Run("twin", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if s.twinAll() != nil {
						b.Fatal("refused")
					}
				}
			})
		})
	}
}
