package interpreter

import (
	"crypto/sha256"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/script/vectors"
)

// form is how an output commits to a script.
type form byte

const (
	bare form = iota
	scriptHash
	witnessScriptHash
	nestedScriptHash
	tapLeafScript
	forms
)

func testKey(n byte) *btcec.PrivateKey {
	seed := sha256.Sum256([]byte{n})
	key, _ := btcec.PrivKeyFromBytes(seed[:])
	return key
}

// encodings of a public key.
func encodeKey(key *btcec.PrivateKey, how byte) []byte {
	switch plain := key.PubKey().SerializeUncompressed(); how % 5 {
	case 0:
		return schnorr.SerializePubKey(key.PubKey())
	case 1:
		return plain
	case 2:
		plain[0] = 6 | plain[64]&1 // hybrid
		return plain
	case 3:
		plain[0] = 7 &^ (plain[64] & 1) // hybrid, of the other parity
		return plain
	}
	return key.PubKey().SerializeCompressed()
}

func pushes(items ...[]byte) (script []byte) {
	for _, item := range items {
		script = appendPush(script, item)
	}
	return script
}

// output returns the script that commits to another, and what its spender shows
// besides the script's arguments.
func (f form) output(t testing.TB, script []byte) (pkScript, sigScript []byte, witness [][]byte) {
	t.Helper()
	sum := sha256.Sum256(script)
	program := append([]byte{txscript.OP_0, 32}, sum[:]...)
	switch f {
	case scriptHash:
		return payToScriptHash(script), appendPush(nil, script), nil
	case witnessScriptHash:
		return program, nil, [][]byte{script}
	case nestedScriptHash:
		return payToScriptHash(program), appendPush(nil, program), [][]byte{script}
	case tapLeafScript:
		pkScript, control := vectors.TapLeaf(t, script)
		return pkScript, nil, [][]byte{script, control}
	}
	return script, nil, nil
}

func payToScriptHash(script []byte) []byte {
	return append(append([]byte{txscript.OP_HASH160, 20}, address.Hash160(script)...), txscript.OP_EQUAL)
}

// fill puts arguments into an input that spends a script in this form.
func (f form) fill(t testing.TB, in *wire.TxIn, out *wire.TxOut, script []byte, args [][]byte) {
	t.Helper()
	pkScript, sigScript, witness := f.output(t, script)
	out.PkScript, in.SignatureScript, in.Witness = pkScript, sigScript, nil
	switch f {
	case bare, scriptHash:
		in.SignatureScript = append(pushes(args...), sigScript...)
	default:
		in.Witness = append(append(wire.TxWitness{}, args...), witness...)
	}
}

// sign returns a signature of an input whose script is in this form, with its
// hash type, or nothing where there is none to make.
func (f form) sign(t testing.TB, s spend, index int, script []byte, key *btcec.PrivateKey, hashType txscript.SigHashType) []byte {
	t.Helper()
	var hash []byte
	var err error
	switch f {
	case bare, scriptHash:
		hash, err = txscript.CalcSignatureHash(script, hashType, s.tx, index)
	case tapLeafScript:
		hash, err = txscript.CalcTapscriptSignaturehash(s.hashes(), hashType, s.tx, index, s.fetcher(), txscript.NewBaseTapLeaf(script))
		if err != nil {
			return nil
		}
		sig, err := schnorr.Sign(key, hash)
		require.NoError(t, err)
		if hashType == txscript.SigHashDefault {
			return sig.Serialize()
		}
		return append(sig.Serialize(), byte(hashType))
	default:
		hash, err = txscript.CalcWitnessSigHash(script, s.hashes(), hashType, s.tx, index, s.spent[index].Value)
	}
	if err != nil {
		return nil // the script cannot be read
	}
	return append(ecdsa.Sign(key, hash).Serialize(), byte(hashType))
}

func (s spend) fetcher() *txscript.MultiPrevOutFetcher {
	spent := txscript.NewMultiPrevOutFetcher(nil)
	for i, in := range s.tx.TxIn {
		spent.AddPrevOut(in.PreviousOutPoint, &s.spent[i])
	}
	return spent
}

func (s spend) hashes() *txscript.TxSigHashes { return txscript.NewTxSigHashes(s.tx, s.fetcher()) }

// blank is a transaction with some inputs and outputs.
func blank(inputs, outputs int) spend {
	s := spend{tx: wire.NewMsgTx(2)}
	for i := range inputs {
		s.tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{7}, Index: uint32(i)}, Sequence: uint32(i)})
		s.spent = append(s.spent, wire.TxOut{Value: int64(1000 + i)})
	}
	for i := range outputs {
		s.tx.AddTxOut(&wire.TxOut{Value: int64(100 + i), PkScript: []byte{txscript.OP_1, byte(i)}})
	}
	return s
}
