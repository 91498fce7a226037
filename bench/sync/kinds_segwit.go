package main

import (
	"crypto/sha256"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// p2wpkhScript is BIP141's output of a key.
func p2wpkhScript(o owner) []byte {
	return append([]byte{txscript.OP_0, 20}, address.Hash160(o.key(0).public)...)
}

func unlockP2WPKH(in *input) error {
	sig, err := in.witnessSignature(in.key(0), p2wpkhScript(in.owner), in.hashType())
	in.set(nil, sig, in.key(0).public)
	return err
}

// nestedScript is P2WPKH in P2SH (BIP49).
func nestedScript(o owner) []byte { return p2sh(p2wpkhScript(o)) }

func unlockNested(in *input) error {
	program := p2wpkhScript(in.owner)
	sig, err := in.witnessSignature(in.key(0), program, in.hashType())
	in.set(compose(script().AddData(program)), sig, in.key(0).public)
	return err
}

// p2wsh is BIP141's output of a witness script.
func p2wsh(witness []byte) []byte {
	hash := sha256.Sum256(witness)
	return append([]byte{txscript.OP_0, 32}, hash[:]...)
}

func p2wshMultisigScript(o owner) []byte { return p2wsh(multisigScript(o)) }

func unlockP2WSHMultisig(in *input) error {
	code := multisigScript(in.owner)
	sigs, err := in.twoOfThree(func(a *account) ([]byte, error) { return in.witnessSignature(a, code, in.hashType()) })
	in.set(nil, nil, sigs[0], sigs[1], code)
	return err
}
