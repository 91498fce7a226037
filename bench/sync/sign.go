package main

import (
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
)

// input is one that is being signed.
type input struct {
	*payment
	owner  // of the coin
	index  int
	coin   coin
	hashes *txscript.TxSigHashes
}

// set stores what unlocks the coin.
func (in *input) set(signatureScript []byte, witness ...[]byte) {
	in.tx.TxIn[in.index].SignatureScript, in.tx.TxIn[in.index].Witness = signatureScript, witness
}

// Of a hundred signatures with ECDSA, so many leave others room to add inputs
// and outputs, or leave the outputs open.
const (
	singleOfHundred = 2
	noneOfHundred   = 1
)

// hashType is ALL for a salt of 0.
func (in *input) hashType() txscript.SigHashType {
	switch place := in.salt >> 8 % 100; {
	case place >= 100-noneOfHundred:
		return txscript.SigHashNone
	case place >= 100-noneOfHundred-singleOfHundred:
		return in.singleIfPaired()
	}
	return txscript.SigHashAll
}

// singleIfPaired is ALL for an input without an output of the same index, of
// which SINGLE would sign nothing.
func (in *input) singleIfPaired() txscript.SigHashType {
	if in.index >= len(in.tx.TxOut) {
		return txscript.SigHashAll
	}
	return txscript.SigHashSingle | txscript.SigHashAnyOneCanPay
}

func ecdsaSignature(a *account, hash []byte, hashType txscript.SigHashType) []byte {
	return append(ecdsa.Sign(a.key, hash).Serialize(), byte(hashType))
}

// legacySignature signs a script that is not in a witness.
func (in *input) legacySignature(a *account, code []byte) ([]byte, error) {
	hashType := in.hashType()
	hash, err := txscript.CalcSignatureHash(code, hashType, in.tx, in.index)
	if err != nil {
		return nil, err
	}
	return ecdsaSignature(a, hash, hashType), nil
}

// witnessSignature signs by BIP143.
func (in *input) witnessSignature(a *account, code []byte, hashType txscript.SigHashType) ([]byte, error) {
	hash, err := txscript.CalcWitnessSigHash(code, in.hashes, hashType, in.tx, in.index, in.coin.value)
	if err != nil {
		return nil, err
	}
	return ecdsaSignature(a, hash, hashType), nil
}

// leafSignature signs by BIP342.
func (in *input) leafSignature(a *account, leaf []byte) ([]byte, error) {
	hash, err := txscript.CalcTapscriptSignaturehash(
		in.hashes, txscript.SigHashDefault, in.tx, in.index, in.payment, txscript.NewBaseTapLeaf(leaf))
	if err != nil {
		return nil, err
	}
	sig, err := schnorr.Sign(a.key, hash, schnorr.FastSign())
	if err != nil {
		return nil, err
	}
	return sig.Serialize(), nil
}

// signers are the keys that sign a 2-of-3, in order.
func (o owner) signers() [2]int { return [3][2]int{{0, 1}, {0, 2}, {1, 2}}[o.salt%3] }

func (o owner) twoOfThree(sign func(*account) ([]byte, error)) (sigs [2][]byte, err error) {
	for i, place := range o.signers() {
		if sigs[i], err = sign(o.key(place)); err != nil {
			return sigs, err
		}
	}
	return sigs, nil
}
