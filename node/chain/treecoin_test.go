package chain_test

import (
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// lock is a way to lock an output.
type lock int

const (
	lockTrue lock = iota
	lockScriptHash
	lockWitnessScriptHash
	lockKeyHash
	lockWitnessKeyHash
	lockTaproot
	lockSequence // BIP112
	lockTime     // BIP65
	lockForever
	locks
)

// treeCoin is an output that a tree may spend.
type treeCoin struct {
	op       wire.OutPoint
	out      wire.TxOut
	lock     lock
	height   int32
	coinbase bool
}

// keeper makes locks and opens them.
type keeper struct {
	t      testing.TB
	key    *btcec.PrivateKey
	public []byte
	plain  [lockSequence][]byte // scripts that have no number
}

func newKeeper(t testing.TB) *keeper {
	key, public := btcec.PrivKeyFromBytes([]byte{7})
	k := &keeper{t: t, key: key, public: public.SerializeCompressed()}
	for l := range lockSequence {
		k.plain[l] = k.script(l, 0)
	}
	return k
}

// trueScript is redeemed without anything.
var trueScript = []byte{txscript.OP_TRUE}

// script returns the script of a lock; number is what the lock on time
// compares with.
func (k *keeper) script(l lock, number int64) []byte {
	b := txscript.NewScriptBuilder()
	switch l {
	case lockTrue:
		return trueScript
	case lockScriptHash:
		b.AddOp(txscript.OP_HASH160).AddData(address.Hash160(trueScript)).AddOp(txscript.OP_EQUAL)
	case lockWitnessScriptHash:
		hash := sha256.Sum256(trueScript)
		b.AddOp(txscript.OP_0).AddData(hash[:])
	case lockKeyHash:
		b.AddOp(txscript.OP_DUP).AddOp(txscript.OP_HASH160).AddData(address.Hash160(k.public)).
			AddOp(txscript.OP_EQUALVERIFY).AddOp(txscript.OP_CHECKSIG)
	case lockWitnessKeyHash:
		b.AddOp(txscript.OP_0).AddData(address.Hash160(k.public))
	case lockTaproot:
		output := txscript.ComputeTaprootKeyNoScript(k.key.PubKey())
		b.AddOp(txscript.OP_1).AddData(schnorr.SerializePubKey(output))
	case lockSequence:
		b.AddInt64(number).AddOp(txscript.OP_CHECKSEQUENCEVERIFY).AddOp(txscript.OP_DROP).AddOp(txscript.OP_TRUE)
	case lockTime:
		b.AddInt64(number).AddOp(txscript.OP_CHECKLOCKTIMEVERIFY).AddOp(txscript.OP_DROP).AddOp(txscript.OP_TRUE)
	case lockForever:
		return []byte{txscript.OP_FALSE}
	}
	script, err := b.Script()
	require.NoError(k.t, err)
	return script
}

// open fills in what the inputs of a transaction need.
func (k *keeper) open(tx *wire.MsgTx, spent []treeCoin) {
	prevOuts := txscript.NewMultiPrevOutFetcher(nil)
	for i := range spent {
		prevOuts.AddPrevOut(tx.TxIn[i].PreviousOutPoint, &spent[i].out)
	}
	hashes := txscript.NewTxSigHashes(tx, prevOuts)
	for i := range spent {
		var err error
		in, out := tx.TxIn[i], spent[i].out
		switch spent[i].lock {
		case lockScriptHash:
			in.SignatureScript = append([]byte{byte(len(trueScript))}, trueScript...)
		case lockWitnessScriptHash:
			in.Witness = wire.TxWitness{slices.Clone(trueScript)}
		case lockKeyHash:
			in.SignatureScript, err = txscript.SignatureScript(tx, i, out.PkScript, txscript.SigHashAll, k.key, true)
		case lockWitnessKeyHash:
			in.Witness, err = txscript.WitnessSignature(tx, hashes, i, out.Value, out.PkScript, txscript.SigHashAll, k.key, true)
		case lockTaproot:
			in.Witness, err = txscript.TaprootWitnessSignature(tx, hashes, i, out.Value, out.PkScript, txscript.SigHashDefault, k.key)
		}
		require.NoError(k.t, err)
	}
}

// spoil breaks what open did for an input, if anything can be broken.
func spoil(in *wire.TxIn, at int) {
	switch {
	case len(in.Witness) > 0 && len(in.Witness[0]) > 0:
		in.Witness[0][at%len(in.Witness[0])] ^= 1
	case len(in.Witness) == 0 && len(in.SignatureScript) > 0:
		in.SignatureScript[at%len(in.SignatureScript)] ^= 1
	default:
		in.SignatureScript = []byte{txscript.OP_RETURN}
	}
}
