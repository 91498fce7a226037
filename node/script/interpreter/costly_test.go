package interpreter

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// manyChecks: a number of CHECKSIGVERIFY of different keys, and a one.
func manyChecks(count int) (script []byte) {
	for i := range count {
		script = append(appendPush(script, encodeKey(testKey(byte(i)), 4)), txscript.OP_CHECKSIGVERIFY)
	}
	return append(script, txscript.OP_1)
}

// padded adds an output that brings the transaction to a size.
func (s spend) padded(size int) {
	s.tx.AddTxOut(&wire.TxOut{PkScript: bytes.Repeat([]byte{txscript.OP_RETURN}, max(0, size-s.tx.SerializeSize()))})
}

// bareChecks is a block's worth of bare scripts with as many CHECKSIG as
// operations allow.
func bareChecks(t testing.TB, inputs int) spend {
	t.Helper()
	const checks = 101
	script := manyChecks(checks)
	s := blank(inputs, 1)
	s.flags = consensusFlags
	const perInput = 9600
	s.padded(inputs * (perInput - checks*73))
	for i, in := range s.tx.TxIn {
		hash, err := txscript.CalcSignatureHash(script, txscript.SigHashAll, s.tx, i)
		require.NoError(t, err)
		for k := checks - 1; k >= 0; k-- {
			in.SignatureScript = appendPush(in.SignatureScript, append(ecdsa.Sign(testKey(byte(k)), hash).Serialize(), 1))
		}
		s.spent[i].PkScript = script
	}
	return s
}

// hashedChecks is a transaction as large as the mempool takes, whose scripts all
// have as many CHECKSIG as it takes.
func hashedChecks(t testing.TB, inputs int) spend {
	t.Helper()
	const checks, padding = 15, 380
	s := blank(inputs, 2)
	s.flags = consensusFlags
	script := append(appendPush(nil, make([]byte, padding)), txscript.OP_DROP)
	for range checks - 1 {
		script = append(script, txscript.OP_2DUP, txscript.OP_CHECKSIGVERIFY)
	}
	script = append(script, txscript.OP_CHECKSIG)
	for i, in := range s.tx.TxIn {
		s.spent[i].PkScript = payToScriptHash(script)
		sig := scriptHash.sign(t, s, i, script, testKey(1), txscript.SigHashAll)
		in.SignatureScript = pushes(sig, encodeKey(testKey(1), 4), script)
	}
	return s
}

// failingChecks tries one signature with many keys, of which the last is the
// right one.
func failingChecks(t testing.TB, inputs int) spend {
	t.Helper()
	const checks = 14
	s := blank(inputs, 2)
	s.flags = consensusFlags
	var script []byte
	for i := range checks - 1 {
		script = append(appendPush(append(script, txscript.OP_DUP), encodeKey(testKey(byte(i)), 4)), txscript.OP_CHECKSIG, txscript.OP_DROP)
	}
	script = append(script, checkSigScript(scriptHash, checks)...)
	for i, in := range s.tx.TxIn {
		s.spent[i].PkScript = payToScriptHash(script)
		sig := scriptHash.sign(t, s, i, script, testKey(checks), txscript.SigHashAll)
		in.SignatureScript = pushes(sig, script)
	}
	return s
}

// hashingLeaf is a tapscript that hashes the largest element there is with nearly
// every instruction (CVE-2025-46598). It may be as large as a transaction.
func hashingLeaf(t testing.TB, size int) spend {
	t.Helper()
	script := bytes.Repeat([]byte{txscript.OP_DUP, txscript.OP_HASH256, txscript.OP_DROP}, size/3)
	s := blank(1, 1)
	s.flags = consensusFlags
	tapLeafScript.fill(t, s.tx.TxIn[0], &s.spent[0], script, [][]byte{bytes.Repeat([]byte{1}, maxElementSize)})
	return s
}

// singleChecks is a tapscript whose signatures all commit to one large output.
func singleChecks(t testing.TB, checks, output int) spend {
	t.Helper()
	const hashType = txscript.SigHashSingle | txscript.SigHashAnyOneCanPay
	// Signatures that share one element do not pay for themselves (BIP342): pushes do.
	script := append(appendPush(nil, make([]byte, 500)), txscript.OP_DROP)
	script = append(bytes.Repeat(script, (checks*50+499)/500), bytes.Repeat([]byte{txscript.OP_2DUP, txscript.OP_CHECKSIGVERIFY}, checks-1)...)
	script = append(script, txscript.OP_CHECKSIG)
	s := blank(1, 1)
	s.flags = consensusFlags
	s.tx.TxOut[0].PkScript = bytes.Repeat([]byte{txscript.OP_RETURN}, output)
	s.spent[0].PkScript, _, _ = tapLeafScript.output(t, script)
	sig := tapLeafScript.sign(t, s, 0, script, testKey(1), hashType)
	tapLeafScript.fill(t, s.tx.TxIn[0], &s.spent[0], script, [][]byte{sig, encodeKey(testKey(1), 0)})
	return s
}

func TestCostlyTransactionsEnd(t *testing.T) {
	require.NoError(t, bareChecks(t, 1+20/everyNth).verify())
	require.NoError(t, hashedChecks(t, 1+165/everyNth).verify())
	require.NoError(t, failingChecks(t, 1+160/everyNth).verify())
	require.NoError(t, hashingLeaf(t, 3_900_000/everyNth).verify())
	require.NoError(t, singleChecks(t, 1+100/everyNth, 1_000_000/everyNth).verify())
}

// An element for every opcode of a large tapscript takes no memory that lasts.
func TestResultsAreNotKept(t *testing.T) {
	const rounds = 100_000 / everyNth
	script := bytes.Repeat([]byte{txscript.OP_DEPTH, txscript.OP_HASH256, txscript.OP_DROP}, rounds)
	script = append(script, txscript.OP_1)
	s := blank(1, 1)
	s.flags = consensusFlags
	tapLeafScript.fill(t, s.tx.TxIn[0], &s.spent[0], script, nil)
	require.NoError(t, s.verifyOne(0))
	perRun := testing.AllocsPerRun(3, func() { require.NoError(t, s.verifyOne(0)) })
	require.Less(t, perRun, float64(rounds)/16)
}

// However often a script is nested, an ELSE looks at one condition.
func TestDeepConditions(t *testing.T) {
	const depth = 100_000 / everyNth
	script := bytes.Repeat([]byte{txscript.OP_0, txscript.OP_IF}, depth)
	script = append(script, bytes.Repeat([]byte{txscript.OP_ELSE}, 2*depth)...)
	script = append(script, bytes.Repeat([]byte{txscript.OP_ENDIF}, depth)...)
	script = append(script, txscript.OP_1)
	s := blank(1, 1)
	s.flags = consensusFlags
	tapLeafScript.fill(t, s.tx.TxIn[0], &s.spent[0], script, nil)
	require.NoError(t, s.verifyOne(0))
}
