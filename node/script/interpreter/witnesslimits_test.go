package interpreter

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"
)

// manyItems spends a script with as many empty items before what the form wants.
func manyItems(t testing.TB, f form, items int, script ...byte) spend {
	t.Helper()
	s := blank(1, 1)
	s.flags = consensusFlags
	f.fill(t, s.tx.TxIn[0], &s.spent[0], script, make([][]byte, items))
	return s
}

// A witness may have more items than a stack: half a million are in mainnet's
// 73be398c4bdc43709db7398106609eea2a7841aaf3a4fa2000dc18184faa2a7e, whose leaf has an
// OP_SUCCESS. btcd could not read it.
func TestWitnessOfHalfAMillionItems(t *testing.T) {
	const items = 500_001 // besides script and control block
	s := manyItems(t, tapLeafScript, items, txscript.OP_RESERVED)
	require.Len(t, s.tx.TxIn[0].Witness, 500_003)
	s.requireVerdict(t, 0, nil, "OP_SUCCESS")
	s.flags |= txscript.ScriptVerifyDiscourageOpSuccess
	s.requireVerdict(t, 0, errDiscourageOpSuccess, "policy")
	s = manyItems(t, tapLeafScript, items, txscript.OP_1)
	s.requireVerdict(t, 0, errStackSize, "another leaf")
	s = manyItems(t, witnessScriptHash, items, txscript.OP_1)
	s.requireVerdict(t, 0, errStackSize, "version 0")
}

// The stack that a witness gives is looked at before a tapscript runs (BIP342), but
// in version 0 after the first instruction.
func TestWitnessOfAsManyItemsAsAStack(t *testing.T) {
	drop := bytes.Repeat([]byte{txscript.OP_2DROP}, 200)
	for _, c := range []struct {
		f      form
		items  int
		script []byte
		want   *Error
	}{
		{tapLeafScript, 1000, append(bytes.Repeat([]byte{txscript.OP_2DROP}, 500), txscript.OP_1), nil},
		{tapLeafScript, 1001, append(bytes.Repeat([]byte{txscript.OP_2DROP}, 500), txscript.OP_NOT), errStackSize},
		{tapLeafScript, 1000, []byte{txscript.OP_1}, errStackSize},
		{tapLeafScript, 999, []byte{txscript.OP_1}, errCleanStack},
		{witnessScriptHash, 1001, []byte{txscript.OP_DROP}, errCleanStack},
		{witnessScriptHash, 1002, []byte{txscript.OP_2DROP}, errCleanStack},
		{witnessScriptHash, 1002, []byte{txscript.OP_DROP}, errStackSize},
		{witnessScriptHash, 400, append(drop, txscript.OP_1), nil},
		{witnessScriptHash, 1001, nil, errCleanStack},
	} {
		s := manyItems(t, c.f, c.items, c.script...)
		s.requireVerdict(t, 0, c.want, "")
	}
}

// Items for a script are as long as elements may be at most; those of OP_SUCCESS
// are not looked at.
func TestLongWitnessItems(t *testing.T) {
	for n, want := range map[int]*Error{maxElementSize: nil, maxElementSize + 1: errPushSize, 3_000_000: errPushSize} {
		for _, f := range []form{witnessScriptHash, nestedScriptHash, tapLeafScript} {
			s := blank(1, 1)
			s.flags = consensusFlags
			script := []byte{txscript.OP_DROP, txscript.OP_1}
			f.fill(t, s.tx.TxIn[0], &s.spent[0], script, [][]byte{make([]byte, n)})
			s.requireVerdict(t, 0, want, "")
		}
		s := blank(1, 1)
		s.flags = consensusFlags
		tapLeafScript.fill(t, s.tx.TxIn[0], &s.spent[0], []byte{txscript.OP_RESERVED}, [][]byte{make([]byte, n)})
		s.requireVerdict(t, 0, nil, "OP_SUCCESS")
	}
}

// allButOne is a tapscript that wants signatures of all keys but one. Their number
// is limited by the stack alone.
func allButOne(keys int) (script []byte) {
	for k := range keys {
		op := byte(txscript.OP_CHECKSIGADD)
		if k == 0 {
			op = txscript.OP_CHECKSIG
		}
		script = append(appendPush(script, encodeKey(testKey(byte(k)), 0)), op)
	}
	return append(appendPush(script, appendNumber(nil, int64(keys-1))), txscript.OP_NUMEQUAL)
}

// Mainnet's 7393096d97bfee8660f4100ffd61874d62f9a65de9fb6acf740c4c386990ef73 is signed
// by 998 keys of 999, which btcd took for too large a script.
func TestSignaturesOf998Of999Keys(t *testing.T) {
	const keys = 999
	script := allButOne(keys)
	s := blank(1, 1)
	s.flags = consensusFlags
	s.spent[0].PkScript, _, _ = tapLeafScript.output(t, script)
	hash, err := txscript.CalcTapscriptSignaturehash(s.hashes(), txscript.SigHashDefault, s.tx, 0, s.fetcher(), txscript.NewBaseTapLeaf(script))
	require.NoError(t, err)
	args := make([][]byte, keys)
	for k := range keys {
		if k != keys/2 {
			sig, err := schnorr.Sign(testKey(byte(k)), hash)
			require.NoError(t, err)
			args[keys-1-k] = sig.Serialize()
		}
	}
	tapLeafScript.fill(t, s.tx.TxIn[0], &s.spent[0], script, args)
	s.requireVerdict(t, 0, nil, "")
	s.tx.TxIn[0].Witness[keys-1] = args[keys-2]
	s.requireVerdict(t, 0, errSchnorrSig, "another key's")

	s = manyItems(t, tapLeafScript, keys+1, allButOne(keys+1)...)
	s.requireVerdict(t, 0, errStackSize, "a thousand and a key")
}

// Each signature takes 50 of a budget that the witness's size gives (BIP342): a
// key that is pushed once does not allow as many checks as the stack.
func TestSignatureBudgetOfManyChecks(t *testing.T) {
	key := encodeKey(testKey(1), 0)
	// 64 bytes of signature pay for themselves, 2DUP and CHECKSIGVERIFY do not.
	for checks, want := range map[int]*Error{2: nil, 3: nil, 4: errValidationWeight} {
		script := bytes.Repeat([]byte{txscript.OP_2DUP, txscript.OP_CHECKSIGVERIFY}, checks-1)
		script = append(script, txscript.OP_CHECKSIG)
		s := blank(1, 1)
		s.flags = consensusFlags
		s.spent[0].PkScript, _, _ = tapLeafScript.output(t, script)
		sig := tapLeafScript.sign(t, s, 0, script, testKey(1), txscript.SigHashDefault)
		tapLeafScript.fill(t, s.tx.TxIn[0], &s.spent[0], script, [][]byte{sig, key})
		// 1 for the count of items, 65 and 33 for signature and key, script, control block.
		require.Equal(t, 1+65+33+1+len(script)+34, s.tx.TxIn[0].Witness.SerializeSize())
		s.requireVerdict(t, 0, want, "")
	}
}
