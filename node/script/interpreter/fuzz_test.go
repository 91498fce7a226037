package interpreter

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// bytesOf deals out the bytes of a fuzz input, zeros when there are none left.
type bytesOf struct{ rest []byte }

func (b *bytesOf) next() byte {
	if len(b.rest) == 0 {
		return 0
	}
	n := b.rest[0]
	b.rest = b.rest[1:]
	return n
}

func (b *bytesOf) take(n int) []byte {
	n = min(n, len(b.rest))
	taken := b.rest[:n:n]
	b.rest = b.rest[n:]
	return taken
}

// checks are the opcodes that verify signatures.
var checks = []byte{
	txscript.OP_CHECKSIG, txscript.OP_CHECKSIGVERIFY, txscript.OP_CHECKMULTISIG, txscript.OP_CHECKMULTISIGVERIFY,
	txscript.OP_CHECKSIGADD, txscript.OP_CODESEPARATOR, txscript.OP_CHECKLOCKTIMEVERIFY, txscript.OP_CHECKSEQUENCEVERIFY,
}

// compose makes a script of opcodes, keys, numbers and data: of random bytes alone
// few would have a signature to verify.
func compose(b *bytesOf) (script []byte) {
	for len(b.rest) > 0 && len(script) < 2*maxScriptSize {
		switch kind := b.next(); kind % 8 {
		case 0, 1:
			script = append(script, b.next())
		case 2:
			script = append(script, checks[int(b.next())%len(checks)])
		case 3:
			script = appendPush(script, encodeKey(testKey(b.next()%4), kind>>3))
		case 4:
			script = append(script, txscript.OP_1-1+b.next()%17)
		case 5:
			script = appendPush(script, b.take(int(b.next())))
		case 6: // pushes that are not minimal
			data := b.take(int(b.next()) % 100)
			script = append(script, txscript.OP_PUSHDATA2, byte(len(data)), 0)
			script = append(script, data...)
		case 7: // long
			script = appendPush(script, bytes.Repeat([]byte{b.next()}, int(b.next())*5))
		}
	}
	return script
}

// distort changes a signature's encoding or its value.
func distort(sig []byte, how byte) []byte {
	if len(sig) < 9 || how < 200 {
		return sig
	}
	sig = bytes.Clone(sig)
	switch how % 4 {
	case 0:
		sig[int(how)%len(sig)] ^= how
	case 1:
		return sig[:len(sig)-1]
	case 2:
		return highS(sig)
	case 3:
		return append(sig, how)
	}
	return sig
}

// highS returns the same signature with s in the upper half.
func highS(sig []byte) []byte {
	rs, ok := parseLaxDER(sig[:len(sig)-1])
	if !ok {
		return sig
	}
	var s btcec.ModNScalar
	s.SetByteSlice(rs.s[:])
	s.Negate()
	rs.s = s.Bytes()
	if rs.r == [32]byte{} || rs.s == [32]byte{} {
		return sig
	}
	return append(rs.appendDER(nil), sig[len(sig)-1])
}

// shaped is a transaction without scripts.
func shaped(shape []byte) (s spend, index int) {
	b := bytesOf{shape}
	inputs := 1 + int(b.next())%130
	s = blank(inputs, int(b.next())%4)
	index = int(b.next()) % inputs
	s.tx.Version = int32(int8(b.next()))
	if raw := b.take(8); len(raw) == 8 {
		s.tx.LockTime = binary.LittleEndian.Uint32(raw)
		s.tx.TxIn[index].Sequence = binary.LittleEndian.Uint32(raw[4:])
	}
	return s, index
}

// arguments reads what a script is run with: data, and signatures of the script
// by the keys that compose knows.
func (s spend) arguments(t testing.TB, f form, index int, script, raw []byte) (args [][]byte) {
	for b := (bytesOf{raw}); len(b.rest) > 0 && len(args) < 1010; {
		switch kind := b.next(); kind % 4 {
		case 0:
			args = append(args, b.take(int(b.next())%90))
		case 1:
			args = append(args, bytes.Repeat([]byte{kind}, int(b.next())*3))
		default:
			key, hashType := testKey(b.next()%4), txscript.SigHashType(b.next())
			args = append(args, distort(f.sign(t, s, index, script, key, hashType), b.next()))
		}
	}
	return args
}

// FuzzAgainstTheTwin holds scripts in every form against btcd's engine.
func FuzzAgainstTheTwin(f *testing.F) {
	seedScripts(f)
	seedSignatures(f)
	f.Fuzz(func(t *testing.T, kind byte, flags uint32, script, unlock, shape []byte) {
		if len(script)+len(unlock) > 1<<16 {
			return
		}
		s, index := shaped(shape)
		s.flags = ruleSet(txscript.ScriptFlags(flags))
		in, out := s.tx.TxIn[index], &s.spent[index]
		how := form(kind) % forms
		switch kind >> 4 & 3 {
		case 0: // as they are
			in.SignatureScript, out.PkScript = unlock, script
			in.Witness = s.arguments(t, bare, index, nil, shape)
		case 1:
			how.fill(t, in, out, script, nil)
			if how == bare || how == scriptHash {
				in.SignatureScript = append(bytes.Clone(unlock), in.SignatureScript...)
			} else {
				in.Witness = append(wire.TxWitness{unlock}, in.Witness...)
			}
		default:
			script = compose(&bytesOf{script})
			out.PkScript, _, _ = how.output(t, script)
			how.fill(t, in, out, script, s.arguments(t, how, index, script, unlock))
		}
		s.requireSame(t, index)
	})
}

// FuzzTransactionsAgainstTheTwin changes whole transactions. What they spend
// follows them, each output as in the wire format.
func FuzzTransactionsAgainstTheTwin(f *testing.F) {
	seedTransactions(f)
	f.Fuzz(func(t *testing.T, flags uint32, raw []byte) {
		r := bytes.NewReader(raw)
		s := spend{tx: new(wire.MsgTx), flags: ruleSet(txscript.ScriptFlags(flags))}
		if len(raw) > 1<<16 || s.tx.Deserialize(r) != nil || len(s.tx.TxIn) > 200 || s.hasDuplicates() {
			return
		}
		for range s.tx.TxIn {
			var out wire.TxOut
			if wire.ReadTxOut(r, 0, 0, &out) != nil {
				return
			}
			s.spent = append(s.spent, out)
		}
		for i := range min(len(s.tx.TxIn), 4) {
			s.requireSame(t, i)
		}
	})
}
