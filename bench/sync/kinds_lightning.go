package main

import (
	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

const (
	// toSelfDelay is a day of blocks, a usual default.
	toSelfDelay = 144
	// cltvExpiry stands in the branch of an HTLC that is not taken.
	cltvExpiry = 900_000
)

// toLocalWitness is to_local of a commitment transaction (BOLT 3). Key 0 is
// the delayed one and key 1 the revocation key.
func toLocalWitness(o owner) []byte {
	return compose(script().
		AddOp(txscript.OP_IF).AddData(o.key(1).public).
		AddOp(txscript.OP_ELSE).AddInt64(toSelfDelay).AddOp(txscript.OP_CHECKSEQUENCEVERIFY).AddOp(txscript.OP_DROP).
		AddData(o.key(0).public).
		AddOp(txscript.OP_ENDIF).AddOp(txscript.OP_CHECKSIG))
}

func toLocalScript(o owner) []byte { return p2wsh(toLocalWitness(o)) }

// toLocalDelay is none for the half of coins that the revocation key takes.
func toLocalDelay(o owner) uint32 {
	if o.choice() {
		return 0
	}
	return toSelfDelay
}

func unlockToLocal(in *input) error {
	signer, branch := in.key(0), []byte{}
	if in.choice() {
		signer, branch = in.key(1), []byte{1}
	}
	code := toLocalWitness(in.owner)
	sig, err := in.witnessSignature(signer, code, in.hashType())
	in.set(nil, sig, branch, code)
	return err
}

// preimage is what an HTLC is paid for.
func (o owner) preimage() []byte {
	preimage := o.digest("payment preimage")
	return preimage[:]
}

// htlcWitness is an HTLC output of a commitment transaction with anchors (BOLT
// 3): for half of the coins an offered one, which times out, for the other
// half a received one, which succeeds. Key 0 is the local HTLC key, key 1 the
// remote one, key 2 the revocation key.
func htlcWitness(o owner) []byte {
	b := script().
		AddOp(txscript.OP_DUP).AddOp(txscript.OP_HASH160).AddData(address.Hash160(o.key(2).public)).AddOp(txscript.OP_EQUAL).
		AddOp(txscript.OP_IF).AddOp(txscript.OP_CHECKSIG).
		AddOp(txscript.OP_ELSE).AddData(o.key(1).public).AddOp(txscript.OP_SWAP).
		AddOp(txscript.OP_SIZE).AddInt64(32).AddOp(txscript.OP_EQUAL)
	if o.choice() {
		addOffered(b, o)
	} else {
		addReceived(b, o)
	}
	return compose(b.AddOp(txscript.OP_ENDIF).
		AddInt64(1).AddOp(txscript.OP_CHECKSEQUENCEVERIFY).AddOp(txscript.OP_DROP).AddOp(txscript.OP_ENDIF))
}

func addOffered(b *txscript.ScriptBuilder, o owner) {
	b.AddOp(txscript.OP_NOTIF).AddOp(txscript.OP_DROP)
	addTwoOfTwo(b, o)
	b.AddOp(txscript.OP_ELSE)
	addHashLock(b, o)
	b.AddOp(txscript.OP_CHECKSIG)
}

func addReceived(b *txscript.ScriptBuilder, o owner) {
	b.AddOp(txscript.OP_IF)
	addHashLock(b, o)
	addTwoOfTwo(b, o)
	b.AddOp(txscript.OP_ELSE).AddOp(txscript.OP_DROP).AddInt64(cltvExpiry).
		AddOp(txscript.OP_CHECKLOCKTIMEVERIFY).AddOp(txscript.OP_DROP).AddOp(txscript.OP_CHECKSIG)
}

func addTwoOfTwo(b *txscript.ScriptBuilder, o owner) {
	b.AddOp(txscript.OP_2).AddOp(txscript.OP_SWAP).AddData(o.key(0).public).AddOp(txscript.OP_2).AddOp(txscript.OP_CHECKMULTISIG)
}

func addHashLock(b *txscript.ScriptBuilder, o owner) {
	b.AddOp(txscript.OP_HASH160).AddData(address.Hash160(o.preimage())).AddOp(txscript.OP_EQUALVERIFY)
}

func htlcScript(o owner) []byte { return p2wsh(htlcWitness(o)) }

func htlcDelay(owner) uint32 { return 1 }

// successWeight is what success weighs more than timeout: the preimage, and a
// longer script.
func successWeight(o owner) int {
	if o.choice() {
		return 0
	}
	return 38
}

// unlockHTLC is an HTLC-timeout or HTLC-success transaction's input. The
// remote signature lets others add inputs and outputs for fees.
func unlockHTLC(in *input) error {
	code := htlcWitness(in.owner)
	remote, err := in.witnessSignature(in.key(1), code, in.singleIfPaired())
	if err != nil {
		return err
	}
	local, err := in.witnessSignature(in.key(0), code, txscript.SigHashAll)
	preimage := []byte{}
	if !in.choice() {
		preimage = in.preimage()
	}
	in.set(nil, nil, remote, local, preimage, code)
	return err
}
