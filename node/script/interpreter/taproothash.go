package interpreter

import (
	"crypto/sha256"
	"math"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

const noCodeSeparator = math.MaxUint32

// taprootData is what signatures of a taproot input commit to, and the budget
// of a script (BIP341, BIP342).
type taprootData struct {
	annexed       bool
	script        bool // spent by a script
	annex         [32]byte
	leaf          [32]byte
	codeSeparator uint32 // number of the last one executed
	weight        int64  // left for signatures
}

var tagSigHash = tag("TapSighash")

// verifySchnorr verifies a signature that may have a hash type.
func (m *machine) verifySchnorr(sig, key []byte, verify verifier) *Error {
	hashType := byte(txscript.SigHashDefault)
	switch len(sig) {
	case signature.Schnorr:
	case signature.Schnorr + 1:
		hashType, sig = sig[signature.Schnorr], sig[:signature.Schnorr]
		if hashType == byte(txscript.SigHashDefault) {
			return errSchnorrSigHashType
		}
	default:
		return errSchnorrSigSize
	}
	hash, ok := m.taprootHash(hashType)
	if !ok {
		return errSchnorrSigHashType
	}
	if !verify(key, sig, hash) {
		return errSchnorrSig
	}
	return nil
}

// taprootHash returns what a Schnorr signature signs (BIP341, BIP342), valid
// until the next call. There is none if the hash type is not defined, or wants an
// output that is not there.
func (m *machine) taprootHash(hashType byte) (hash []byte, ok bool) {
	outputs, own := hashType&3, hashType&byte(txscript.SigHashAnyOneCanPay) != 0
	if hashType > 3 && (hashType < 0x81 || hashType > 0x83) {
		return nil, false
	}
	if outputs == byte(txscript.SigHashSingle) && m.index >= len(m.tx.tx.TxOut) {
		return nil, false
	}
	const epoch = 0
	buf := append(append(m.space.buf[:0], tagSigHash...), epoch, hashType)
	buf = appendUint32(appendUint32(buf, uint32(m.tx.tx.Version)), m.tx.tx.LockTime)
	p := m.tx.spentParts()
	if !own {
		buf = append(append(buf, p.prevouts[0][:]...), p.amounts[:]...)
		buf = append(append(buf, p.scripts[:]...), p.sequences[0][:]...)
	}
	if outputs != byte(txscript.SigHashNone) && outputs != byte(txscript.SigHashSingle) {
		buf = append(buf, p.outputs[0][:]...)
	}
	buf = m.appendSpend(buf, own)
	if outputs == byte(txscript.SigHashSingle) {
		single := m.ownOutput()
		buf = append(buf, single[:]...)
	}
	if m.tap.script {
		const keyVersion = 0
		buf = append(append(buf, m.tap.leaf[:]...), keyVersion)
		buf = appendUint32(buf, m.tap.codeSeparator)
	}
	m.space.buf, m.space.sum = buf, sha256.Sum256(buf)
	return m.space.sum[:], true
}

// appendSpend appends the kind of the spend and which input it is: itself, or
// its number.
func (m *machine) appendSpend(buf []byte, own bool) []byte {
	buf = append(buf, byte(2*truth(m.tap.script)+truth(m.tap.annexed)))
	if own {
		in := m.tx.tx.TxIn[m.index]
		buf = appendOutPoint(buf, &in.PreviousOutPoint)
		buf = appendUint32(appendOutput(buf, &m.tx.spent[m.index]), in.Sequence)
	} else {
		buf = appendUint32(buf, uint32(m.index))
	}
	if m.tap.annexed {
		buf = append(buf, m.tap.annex[:]...)
	}
	return buf
}
