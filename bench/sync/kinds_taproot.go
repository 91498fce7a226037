package main

import (
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
)

// p2trKeyScript is an output without scripts (BIP86).
func p2trKeyScript(o owner) []byte {
	return append([]byte{txscript.OP_1, 32}, schnorr.SerializePubKey(txscript.ComputeTaprootKeyNoScript(o.key(0).key.PubKey()))...)
}

func unlockP2TRKey(in *input) error {
	hash, err := txscript.CalcTaprootSignatureHash(in.hashes, txscript.SigHashDefault, in.tx, in.index, in.payment)
	if err != nil {
		return err
	}
	sig, err := schnorr.Sign(in.key(0).tweaked, hash, schnorr.FastSign())
	if err != nil {
		return err
	}
	in.set(nil, sig.Serialize())
	return nil
}

// p2trOf is the output of one leaf below key 0 (BIP341).
func p2trOf(o owner, leaf []byte) []byte {
	root := txscript.NewBaseTapLeaf(leaf).TapHash()
	key := txscript.ComputeTaprootOutputKey(o.key(0).key.PubKey(), root[:])
	return append([]byte{txscript.OP_1, 32}, schnorr.SerializePubKey(key)...)
}

// setLeaf takes the script path of an output of one leaf.
func (in *input) setLeaf(leaf []byte, stack ...[]byte) error {
	tree := txscript.AssembleTaprootScriptTree(txscript.NewBaseTapLeaf(leaf))
	control := tree.LeafMerkleProofs[0].ToControlBlock(in.key(0).key.PubKey())
	raw, err := control.ToBytes()
	in.set(nil, append(stack, leaf, raw)...)
	return err
}

// leafScript asks for the signature of key 1.
func leafScript(o owner) []byte {
	return compose(script().AddData(o.key(1).xOnly()).AddOp(txscript.OP_CHECKSIG))
}

func p2trLeafScript(o owner) []byte { return p2trOf(o, leafScript(o)) }

func unlockP2TRLeaf(in *input) error { return in.unlockLeaf(leafScript(in.owner)) }

// unlockLeaf signs a leaf with key 1.
func (in *input) unlockLeaf(leaf []byte) error {
	sig, err := in.leafSignature(in.key(1), leaf)
	if err != nil {
		return err
	}
	return in.setLeaf(leaf, sig)
}

// checkSigAdd is 2-of-3 as BIP342 has it.
func checkSigAdd(o owner) []byte {
	return compose(script().
		AddData(o.key(0).xOnly()).AddOp(txscript.OP_CHECKSIG).
		AddData(o.key(1).xOnly()).AddOp(txscript.OP_CHECKSIGADD).
		AddData(o.key(2).xOnly()).AddOp(txscript.OP_CHECKSIGADD).
		AddOp(txscript.OP_2).AddOp(txscript.OP_NUMEQUAL))
}

func p2trMultisigScript(o owner) []byte { return p2trOf(o, checkSigAdd(o)) }

// unlockP2TRMultisig leaves the signature of one key empty. The first key's is
// the last on the stack.
func unlockP2TRMultisig(in *input) error {
	leaf := checkSigAdd(in.owner)
	sigs, err := in.twoOfThree(func(a *account) ([]byte, error) { return in.leafSignature(a, leaf) })
	if err != nil {
		return err
	}
	stack := make([][]byte, 3)
	for i, place := range in.signers() {
		stack[2-place] = sigs[i]
	}
	return in.setLeaf(leaf, stack...)
}
