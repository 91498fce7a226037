package script

import (
	"bytes"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// Most inputs carry one signature in one of four forms. For those, direct
// finds out what the interpreter would, with one hash and one verification instead
// of a script run. It only ever accepts: whatever it does not take is left to
// the interpreter, which has the text of the error.

// Witness rules that a direct acceptance needs (BIP141, BIP341).
const (
	segwit  = txscript.ScriptBip16 | txscript.ScriptVerifyWitness
	taproot = segwit | txscript.ScriptVerifyTaproot
)

// direct reports whether the input is of one of the common forms and valid. at
// is its place among the inputs of a run; put may take signatures whose verdict
// comes later.
func (in input) direct(at int64, put *later) bool {
	job := in.tx.job
	pkScript := job.Spent[in.index].PkScript
	switch {
	case isKeyHash(pkScript):
		return in.payToKeyHash(pkScript)
	case isWitnessKeyHash(pkScript):
		return job.has(segwit) && len(job.Tx.TxIn[in.index].SignatureScript) == 0 && in.witnessKeyHash(pkScript)
	case isScriptHash(pkScript):
		return job.has(segwit) && in.nestedKeyHash(pkScript)
	case isTaproot(pkScript):
		return job.has(taproot) && in.taprootKey(pkScript[2:], at, put)
	}
	return false
}

func (j *Job) has(flags txscript.ScriptFlags) bool { return j.Flags&flags == flags }

// isKeyHash: DUP HASH160 <20 bytes> EQUALVERIFY CHECKSIG.
func isKeyHash(s []byte) bool {
	return len(s) == 25 && s[0] == txscript.OP_DUP && s[1] == txscript.OP_HASH160 && s[2] == 20 &&
		s[23] == txscript.OP_EQUALVERIFY && s[24] == txscript.OP_CHECKSIG
}

// isWitnessKeyHash: 0 <20 bytes> (BIP141).
func isWitnessKeyHash(s []byte) bool { return len(s) == 22 && s[0] == txscript.OP_0 && s[1] == 20 }

// isScriptHash: HASH160 <20 bytes> EQUAL (BIP16).
func isScriptHash(s []byte) bool {
	return len(s) == 23 && s[0] == txscript.OP_HASH160 && s[1] == 20 && s[22] == txscript.OP_EQUAL
}

// isTaproot: 1 <32 bytes> (BIP341).
func isTaproot(s []byte) bool { return len(s) == 34 && s[0] == txscript.OP_1 && s[1] == 32 }

// payToKeyHash: the signature script pushes a signature and a key.
func (in input) payToKeyHash(pkScript []byte) bool {
	txIn := in.tx.job.Tx.TxIn[in.index]
	sig, rest, ok := push(txIn.SignatureScript)
	if !ok || len(txIn.Witness) > 0 {
		return false
	}
	key, rest, ok := push(rest)
	if !ok || len(rest) > 0 || !bytes.Equal(address.Hash160(key), pkScript[3:23]) {
		return false
	}
	der, hashType, ok := splitSignature(sig)
	if !ok {
		return false
	}
	hash, err := txscript.CalcSignatureHash(pkScript, hashType, in.tx.job.Tx, in.index)
	return err == nil && signature.VerifyECDSA(key, der, hash)
}

// push reads one item of 9 to 75 bytes: those have only one minimal form
// (BIP62, rule 3), and that is no small number.
func push(script []byte) (item, rest []byte, ok bool) {
	const shortest, longest = 9, 75
	if len(script) == 0 || script[0] < shortest || script[0] > longest || int(script[0]) >= len(script) {
		return nil, nil, false
	}
	n := 1 + int(script[0])
	return script[1:n], script[n:], true
}

// splitSignature takes the hash type off an ECDSA signature and reports
// whether it is a defined one.
func splitSignature(sig []byte) (der []byte, hashType txscript.SigHashType, ok bool) {
	if len(sig) == 0 {
		return nil, 0, false
	}
	hashType = txscript.SigHashType(sig[len(sig)-1])
	base := hashType &^ txscript.SigHashAnyOneCanPay
	return sig[:len(sig)-1], hashType, base >= txscript.SigHashAll && base <= txscript.SigHashSingle
}

// witnessKeyHash: the witness is a signature and a compressed key.
func (in input) witnessKeyHash(program []byte) bool {
	job := in.tx.job
	witness := job.Tx.TxIn[in.index].Witness
	if len(witness) != 2 || len(witness[1]) != signature.CompressedKey ||
		!bytes.Equal(address.Hash160(witness[1]), program[2:]) {
		return false
	}
	der, hashType, ok := splitSignature(witness[0])
	if !ok {
		return false
	}
	hash, err := txscript.CalcWitnessSigHash(program, in.tx.sigHashes(), hashType, job.Tx, in.index, job.Spent[in.index].Value)
	return err == nil && signature.VerifyECDSA(witness[1], der, hash)
}

// nestedKeyHash: the signature script pushes such a program and nothing else.
func (in input) nestedKeyHash(pkScript []byte) bool {
	sigScript := in.tx.job.Tx.TxIn[in.index].SignatureScript
	if len(sigScript) != 23 || sigScript[0] != 22 || !isWitnessKeyHash(sigScript[1:]) {
		return false
	}
	program := sigScript[1:]
	return bytes.Equal(address.Hash160(program), pkScript[2:22]) && in.witnessKeyHash(program)
}

// taprootKey: the witness is one signature, without an annex.
func (in input) taprootKey(key []byte, at int64, put *later) bool {
	job := in.tx.job
	txIn := job.Tx.TxIn[in.index]
	if len(txIn.SignatureScript) > 0 || len(txIn.Witness) != 1 {
		return false
	}
	sig, hashType := txIn.Witness[0], txscript.SigHashDefault
	switch len(sig) {
	case signature.Schnorr:
	case signature.Schnorr + 1:
		// Only one that is not the default may be spelled out.
		var ok bool
		if sig, hashType, ok = splitSignature(sig); !ok {
			return false
		}
	default:
		return false
	}
	hash, err := txscript.CalcTaprootSignatureHash(in.tx.sigHashes(), hashType, job.Tx, in.index, in.tx)
	return err == nil && put.verify(at, key, sig, hash)
}
