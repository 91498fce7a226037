package script

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// form is one of the common forms of outputs.
type form int

const (
	keyHash form = iota
	keyHashUncompressed
	witnessKeyHash
	nestedKeyHash
	taprootKey
	forms
)

// eras are the rules of blocks from the first to the present, and those of
// the mempool.
func eras() []txscript.ScriptFlags {
	list := []txscript.ScriptFlags{0}
	add := func(f txscript.ScriptFlags) { list = append(list, list[len(list)-1]|f) }
	add(txscript.ScriptBip16)
	add(txscript.ScriptVerifyDERSignatures)
	add(txscript.ScriptVerifyCheckLockTimeVerify)
	add(txscript.ScriptVerifyCheckSequenceVerify)
	add(txscript.ScriptVerifyWitness | txscript.ScriptStrictMultiSig)
	add(txscript.ScriptVerifyTaproot)
	add(txscript.ScriptVerifyStrictEncoding | txscript.ScriptVerifyMinimalData | txscript.ScriptVerifyCleanStack |
		txscript.ScriptVerifyMinimalIf | txscript.ScriptVerifyNullFail | txscript.ScriptVerifyLowS |
		txscript.ScriptVerifyWitnessPubKeyType | txscript.ScriptVerifyConstScriptCode | txscript.ScriptVerifySigPushOnly)
	return list
}

func testKey(n byte) *btcec.PrivateKey {
	seed := sha256.Sum256([]byte{n})
	key, _ := btcec.PrivKeyFromBytes(seed[:])
	return key
}

func pushes(items ...[]byte) []byte {
	var script []byte
	for _, item := range items {
		script = append(append(script, byte(len(item))), item...)
	}
	return script
}

func (f form) publicKey(key *btcec.PrivateKey) []byte {
	if f == keyHashUncompressed {
		return key.PubKey().SerializeUncompressed()
	}
	return key.PubKey().SerializeCompressed()
}

func (f form) program(key *btcec.PrivateKey) []byte {
	return append([]byte{txscript.OP_0, 20}, address.Hash160(f.publicKey(key))...)
}

func (f form) pkScript(key *btcec.PrivateKey) []byte {
	switch f {
	case keyHash, keyHashUncompressed:
		hash := address.Hash160(f.publicKey(key))
		return append(append([]byte{txscript.OP_DUP, txscript.OP_HASH160, 20}, hash...), txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG)
	case witnessKeyHash:
		return f.program(key)
	case nestedKeyHash:
		return append(append([]byte{txscript.OP_HASH160, 20}, address.Hash160(f.program(key))...), txscript.OP_EQUAL)
	}
	return append([]byte{txscript.OP_1, 32}, schnorr.SerializePubKey(key.PubKey())...)
}

// sign fills in what spends input i.
func (f form) sign(t testing.TB, in input, key *btcec.PrivateKey, hashType txscript.SigHashType) {
	t.Helper()
	job := in.tx.job
	txIn, spent := job.Tx.TxIn[in.index], job.Spent[in.index]
	ecdsaSig := func(hash []byte, err error) []byte {
		require.NoError(t, err)
		return append(ecdsa.Sign(key, hash).Serialize(), byte(hashType))
	}
	fetcher := prepare(job)
	hashes := txscript.NewTxSigHashes(job.Tx, fetcher)
	switch f {
	case keyHash, keyHashUncompressed:
		sig := ecdsaSig(txscript.CalcSignatureHash(spent.PkScript, hashType, job.Tx, in.index))
		txIn.SignatureScript = pushes(sig, f.publicKey(key))
	case witnessKeyHash, nestedKeyHash:
		sig := ecdsaSig(txscript.CalcWitnessSigHash(f.program(key), hashes, hashType, job.Tx, in.index, spent.Value))
		txIn.Witness = wire.TxWitness{sig, f.publicKey(key)}
		if f == nestedKeyHash {
			txIn.SignatureScript = pushes(f.program(key))
		}
	default:
		if hashType == txscript.SigHashAll {
			hashType = txscript.SigHashDefault
		}
		hash, err := txscript.CalcTaprootSignatureHash(hashes, hashType, job.Tx, in.index, fetcher)
		require.NoError(t, err)
		sig, err := schnorr.Sign(key, hash)
		require.NoError(t, err)
		txIn.Witness = wire.TxWitness{sig.Serialize()}
		if hashType != txscript.SigHashDefault {
			txIn.Witness[0] = append(txIn.Witness[0], byte(hashType))
		}
	}
}

// spendAll makes a transaction that spends one output of each form, signed
// with the given hash type.
func spendAll(t testing.TB, hashType txscript.SigHashType) *Job {
	t.Helper()
	j := &Job{Tx: wire.NewMsgTx(2)}
	for f := range forms {
		j.Tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(f)}, Sequence: uint32(f)})
		j.Spent = append(j.Spent, wire.TxOut{Value: 1000 * int64(f+1), PkScript: f.pkScript(testKey(byte(f)))})
		j.Tx.AddTxOut(&wire.TxOut{Value: int64(f), PkScript: []byte{txscript.OP_TRUE, byte(f)}})
	}
	for f := range forms {
		f.sign(t, input{prepare(j), int(f)}, testKey(byte(f)), hashType)
	}
	return j
}

func hashTypes() []txscript.SigHashType {
	return []txscript.SigHashType{
		txscript.SigHashAll, txscript.SigHashNone, txscript.SigHashSingle,
		txscript.SigHashAll | txscript.SigHashAnyOneCanPay, txscript.SigHashNone | txscript.SigHashAnyOneCanPay,
		txscript.SigHashSingle | txscript.SigHashAnyOneCanPay,
	}
}

// The common forms are valid under the rules of every era. From those on that give
// them a meaning, they are not with another signature.
func TestCommonSpendsInEveryEra(t *testing.T) {
	const segwit = txscript.ScriptBip16 | txscript.ScriptVerifyWitness
	const taproot = segwit | txscript.ScriptVerifyTaproot
	needs := map[form]txscript.ScriptFlags{witnessKeyHash: segwit, nestedKeyHash: segwit, taprootKey: taproot}
	for _, hashType := range hashTypes() {
		for f := range forms {
			job, wrong := spendAll(t, hashType), spendAll(t, hashType)
			txIn := wrong.Tx.TxIn[f]
			sig := txIn.SignatureScript
			if len(txIn.Witness) > 0 {
				sig = txIn.Witness[0]
			}
			sig[40] ^= 1
			for _, flags := range eras() {
				job.Flags, wrong.Flags = flags, flags
				require.NoError(t, VerifyInput(job, int(f)), "form %d, flags %b, hash type %x", f, flags, hashType)
				has := flags&needs[f] == needs[f]
				require.Equal(t, has, VerifyInput(wrong, int(f)) != nil, "form %d, flags %b, hash type %x", f, flags, hashType)
			}
		}
	}
}

// A signature is put off where it is all that a spend consists of.
func TestSignaturesOfKeyPathsArePutOff(t *testing.T) {
	v := New(Config{})
	for _, hashType := range hashTypes() {
		job := spendAll(t, hashType)
		job.Flags = blockRules
		tx, put := prepare(job), later{}
		for f := range forms {
			put.input = int64(f)
			require.NoError(t, v.execute(input{tx, int(f)}, put.verify))
		}
		var places []int64
		for i := range put.put {
			places = append(places, put.put[i].input)
			require.True(t, put.put[i].verify())
		}
		if signature.BatchesSchnorr {
			require.Equal(t, []int64{int64(taprootKey)}, places)
		} else {
			require.Empty(t, places)
		}
		put.flush(func(int64) { t.Error("a sound signature failed") })
		require.Empty(t, put.put)
	}
}

// strictBlockRules: since then signatures have one encoding (BIP66). Which others
// were valid before, the engine does not know.
func strictBlockRules(flags txscript.ScriptFlags) bool {
	return flags&^blockRules == 0 && flags&txscript.ScriptVerifyDERSignatures != 0
}

// FuzzCommonSpends holds spends in the common forms, changed or not, against
// btcd's engine, and those whose signature is put off against those whose is not.
func FuzzCommonSpends(f *testing.F) {
	for which := range forms {
		for i := range hashTypes() {
			f.Add(byte(which), byte(i), byte(0), uint16(0), byte(0), byte(6))
			f.Add(byte(which), byte(i), byte(1), uint16(70), byte(1), byte(7))
			f.Add(byte(which), byte(i), byte(2), uint16(1), byte(0x80), byte(2))
			f.Add(byte(which), byte(i), byte(3), uint16(5), byte(0x20), byte(5))
			f.Add(byte(which), byte(i), byte(1), uint16(70), byte(1), byte(6))
			f.Add(byte(which), byte(i), byte(3), uint16(4), byte(1), byte(6))
			f.Add(byte(which), byte(i), byte(6), uint16(4), byte(1), byte(6))
			f.Add(byte(which), byte(i), byte(7), uint16(4), byte(1), byte(6))
		}
	}
	f.Fuzz(func(t *testing.T, which, hashType, what byte, where uint16, change, era byte) {
		all := hashTypes()
		job := spendAll(t, all[int(hashType)%len(all)])
		job.Flags = eras()[int(era)%len(eras())]
		index := int(which) % int(forms)
		mutate(job, index, what, int(where), change)
		in := input{prepare(job), index}
		ours, theirs := in.interpret(signature.VerifySchnorr), in.twin()
		if change == 0 && ours != nil {
			t.Fatalf("an unchanged spend was refused: %v", ours)
		}
		if strictBlockRules(job.Flags) && (ours == nil) != (theirs == nil) {
			t.Fatalf("the interpreter says %v, the engine %v", ours, theirs)
		}
		var put later
		failed := in.interpret(put.verify) != nil
		put.flush(func(int64) { failed = true })
		if failed != (ours != nil) {
			t.Fatalf("put off, the verdict is another than %v", ours)
		}
	})
}

// mutate changes one thing of a spend.
func mutate(job *Job, index int, what byte, where int, change byte) {
	txIn := job.Tx.TxIn[index]
	flip := func(b []byte) {
		if len(b) > 0 {
			b[where%len(b)] ^= change
		}
	}
	if change == 0 {
		return
	}
	switch what % 10 {
	case 0:
		flip(txIn.SignatureScript)
	case 1:
		if len(txIn.Witness) > 0 {
			flip(txIn.Witness[where%len(txIn.Witness)])
		}
	case 2:
		flip(job.Spent[index].PkScript)
	case 3:
		job.Spent[where%len(job.Spent)].Value ^= int64(change)
	case 4:
		job.Tx.TxOut[where%len(job.Tx.TxOut)].Value ^= int64(change)
	case 5:
		job.Tx.TxIn[where%len(job.Tx.TxIn)].Sequence ^= uint32(change)
	case 6:
		txIn.SignatureScript = append(txIn.SignatureScript, change)
	case 7:
		txIn.Witness = append(txIn.Witness, bytes.Repeat([]byte{change}, where%90))
	case 8:
		job.Tx.TxOut = job.Tx.TxOut[:where%len(job.Tx.TxOut)]
	case 9:
		binary.LittleEndian.PutUint32(job.Tx.TxIn[where%len(job.Tx.TxIn)].PreviousOutPoint.Hash[:], uint32(change))
	}
}
