package main

import (
	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

func p2pkhScript(o owner) []byte {
	return compose(script().AddOp(txscript.OP_DUP).AddOp(txscript.OP_HASH160).AddData(address.Hash160(o.key(0).public)).
		AddOp(txscript.OP_EQUALVERIFY).AddOp(txscript.OP_CHECKSIG))
}

func unlockP2PKH(in *input) error {
	sig, err := in.legacySignature(in.key(0), in.coin.script)
	in.set(compose(script().AddData(sig).AddData(in.key(0).public)))
	return err
}

// multisigScript is 2-of-3 (BIP11).
func multisigScript(o owner) []byte {
	return compose(script().AddOp(txscript.OP_2).AddData(o.key(0).public).AddData(o.key(1).public).AddData(o.key(2).public).
		AddOp(txscript.OP_3).AddOp(txscript.OP_CHECKMULTISIG))
}

// multisigStart pushes what CHECKMULTISIG takes too much (BIP147), and two
// signatures.
func (in *input) multisigStart(code []byte) (*txscript.ScriptBuilder, error) {
	sigs, err := in.twoOfThree(func(a *account) ([]byte, error) { return in.legacySignature(a, code) })
	return script().AddOp(txscript.OP_0).AddData(sigs[0]).AddData(sigs[1]), err
}

func unlockBareMultisig(in *input) error {
	start, err := in.multisigStart(in.coin.script)
	in.set(compose(start))
	return err
}

// p2sh is the output of a redeem script (BIP16).
func p2sh(redeem []byte) []byte {
	return compose(script().AddOp(txscript.OP_HASH160).AddData(address.Hash160(redeem)).AddOp(txscript.OP_EQUAL))
}

func p2shMultisigScript(o owner) []byte { return p2sh(multisigScript(o)) }

func unlockP2SHMultisig(in *input) error {
	redeem := multisigScript(in.owner)
	start, err := in.multisigStart(redeem)
	in.set(compose(start.AddData(redeem)))
	return err
}
