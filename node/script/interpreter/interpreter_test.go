package interpreter

import (
	"sync"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// hashTypes are those that are defined.
var hashTypes = []txscript.SigHashType{
	txscript.SigHashAll, txscript.SigHashNone, txscript.SigHashSingle,
	txscript.SigHashAll | txscript.SigHashAnyOneCanPay, txscript.SigHashNone | txscript.SigHashAnyOneCanPay,
	txscript.SigHashSingle | txscript.SigHashAnyOneCanPay,
}

// checkSigScript: <key> CHECKSIG.
func checkSigScript(f form, key byte) []byte {
	how := byte(4)
	if f == tapLeafScript {
		how = 0
	}
	return append(pushes(encodeKey(testKey(key), how)), txscript.OP_CHECKSIG)
}

// A signature of every form and hash type is valid for its input alone, whether
// inputs are few or so many that states of the hash are shared.
func TestSignaturesOfEveryForm(t *testing.T) {
	for f := range forms {
		for _, hashType := range hashTypes {
			for _, index := range []int{0, 1, stride - 1, stride, 2*stride + 3} {
				s := blank(2*stride+5, 2*stride+4)
				s.flags = consensusFlags
				script := checkSigScript(f, 1)
				for _, i := range []int{index, index + 1} {
					s.spent[i].PkScript, _, _ = f.output(t, script)
				}
				sig := f.sign(t, s, index, script, testKey(1), hashType)
				for _, i := range []int{index, index + 1} {
					f.fill(t, s.tx.TxIn[i], &s.spent[i], script, [][]byte{sig})
				}
				tx := NewTx(s.tx, s.spent)
				require.NoError(t, tx.Verify(index, s.flags), "form %d, type %x, input %d", f, hashType, index)
				require.Error(t, tx.Verify(index+1, s.flags), "form %d, type %x, input %d", f, hashType, index)
				s.requireSame(t, index)
			}
		}
	}
}

// Signatures of many script codes and hash types in one script do not mix up the
// hashes that are remembered.
func TestRememberedHashesAreOfTheirScriptCode(t *testing.T) {
	for _, f := range []form{bare, witnessScriptHash} {
		s := blank(2, 2)
		s.flags = consensusFlags
		key := encodeKey(testKey(1), 4)
		part := append(pushes(key), txscript.OP_CHECKSIGVERIFY)
		var script []byte
		starts := []int{}
		for i := range 6 {
			if i%2 == 0 {
				script = append(script, txscript.OP_CODESEPARATOR)
			}
			starts = append(starts, i/2*(2*len(part)+1)+1)
			script = append(script, part...)
		}
		script = append(script, txscript.OP_1)
		s.spent[0].PkScript, _, _ = f.output(t, script)
		var args [][]byte
		for i := len(starts) - 1; i >= 0; i-- {
			hashType := hashTypes[i%2]
			args = append(args, f.sign(t, s, 0, script[starts[i]:], testKey(1), hashType))
		}
		f.fill(t, s.tx.TxIn[0], &s.spent[0], script, args)
		require.NoError(t, s.twin(0))
		require.NoError(t, NewTx(s.tx, s.spent).Verify(0, s.flags), "form %d", f)
		args[1], args[2] = args[2], args[1]
		f.fill(t, s.tx.TxIn[0], &s.spent[0], script, args)
		requireReason(t, errCheckSigVerify, NewTx(s.tx, s.spent).Verify(0, s.flags), "swapped")
	}
}

// Bits of a hash type that have no meaning are signed all the same.
func TestUndefinedHashTypes(t *testing.T) {
	for _, hashType := range []txscript.SigHashType{0, 4, 0x40, 0x60, 0x61, 0xff, 0x7f, 0x43} {
		for _, f := range []form{bare, scriptHash, witnessScriptHash} {
			s := blank(3, 2)
			s.flags = consensusFlags
			script := checkSigScript(f, 2)
			s.spent[2].PkScript, _, _ = f.output(t, script)
			f.fill(t, s.tx.TxIn[2], &s.spent[2], script, [][]byte{f.sign(t, s, 2, script, testKey(2), hashType)})
			require.NoError(t, s.twin(2))
			require.NoError(t, s.verifyOne(2), "type %x, form %d", hashType, f)
			s.flags |= txscript.ScriptVerifyStrictEncoding
			requireReason(t, errSigHashType, s.verifyOne(2), "type %x")
		}
	}
}

// SINGLE without an output beside the input signs the number one in legacy
// scripts, no output in witnesses of version 0, and is not defined in taproot.
func TestSingleWithoutAnOutput(t *testing.T) {
	for f := range forms {
		for _, hashType := range []txscript.SigHashType{txscript.SigHashSingle, txscript.SigHashSingle | txscript.SigHashAnyOneCanPay} {
			s := blank(3, 2)
			s.flags = consensusFlags
			script := checkSigScript(f, 1)
			s.spent[2].PkScript, _, _ = f.output(t, script)
			sig := f.sign(t, s, 2, script, testKey(1), hashType)
			if f == tapLeafScript {
				sig = append(make([]byte, 64), byte(hashType))
			}
			f.fill(t, s.tx.TxIn[2], &s.spent[2], script, [][]byte{sig})
			if f == tapLeafScript {
				requireReason(t, errSchnorrSigHashType, s.verifyOne(2), "")
			} else {
				require.NoError(t, s.verifyOne(2), "form %d", f)
			}
			s.requireSame(t, 2)
		}
	}
}

func (s spend) verifyOne(index int) error { return NewTx(s.tx, s.spent).Verify(index, s.flags) }

// The inputs of a transaction are verified at the same time.
func TestInputsAtTheSameTime(t *testing.T) {
	s := blank(3*stride, 2)
	s.flags = consensusFlags
	for i := range s.tx.TxIn {
		s.spent[i].PkScript, _, _ = (form(i) % forms).output(t, checkSigScript(form(i)%forms, byte(i)))
	}
	sigs := make([][]byte, len(s.tx.TxIn))
	for i := range s.tx.TxIn {
		f := form(i) % forms
		sigs[i] = f.sign(t, s, i, checkSigScript(f, byte(i)), testKey(byte(i)), hashTypes[i%len(hashTypes)]&^txscript.SigHashSingle|1)
	}
	for i := range s.tx.TxIn {
		f := form(i) % forms
		f.fill(t, s.tx.TxIn[i], &s.spent[i], checkSigScript(f, byte(i)), [][]byte{sigs[i]})
	}
	tx := NewTx(s.tx, s.spent)
	failed := make([]error, len(s.tx.TxIn))
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := worker; i < len(failed); i += 4 {
				failed[i] = tx.Verify(i, s.flags)
			}
		})
	}
	all.Wait()
	for i, err := range failed {
		require.NoError(t, err, "input %d", i)
	}
}

// Nothing of a run is left to the next one: neither its stacks nor its hashes.
func TestRunsLeaveNothing(t *testing.T) {
	s := blank(1, 1)
	s.spent[0].PkScript = []byte{txscript.OP_1, txscript.OP_1, txscript.OP_TOALTSTACK, txscript.OP_1, txscript.OP_1}
	require.NoError(t, s.verifyOne(0))
	s.spent[0].PkScript = []byte{txscript.OP_DEPTH, txscript.OP_NOT}
	require.NoError(t, s.verifyOne(0))
	s.spent[0].PkScript = []byte{txscript.OP_FROMALTSTACK}
	requireReason(t, errInvalidAltStack, s.verifyOne(0), "")
	s.spent[0].PkScript = []byte{txscript.OP_1, txscript.OP_IF, txscript.OP_1}
	requireReason(t, errUnbalancedConditional, s.verifyOne(0), "")
	s.tx.TxIn[0].SignatureScript = []byte{txscript.OP_1, txscript.OP_TOALTSTACK, txscript.OP_1}
	s.spent[0].PkScript = []byte{txscript.OP_FROMALTSTACK}
	requireReason(t, errInvalidAltStack, s.verifyOne(0), "the alternative stack ends with its script")
	s.tx.TxIn[0].Witness = wire.TxWitness{{1}}
	s.spent[0].PkScript = []byte{txscript.OP_1}
	s.flags = consensusFlags
	requireReason(t, errWitnessUnexpected, s.verifyOne(0), "")
}
