package interpreter

import (
	"bytes"
	"crypto/sha256"
	"math"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// Control blocks (BIP341): a leaf version with a parity, the internal key, and
// the path to the root.
const (
	controlBase = 33
	controlNode = 32
	controlMax  = controlBase + 128*controlNode

	leafMask    = 0xfe
	leafVersion = 0xc0 // of tapscript
	annexTag    = 0x50
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

// tag is what a tagged hash begins with (BIP340).
func tag(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return append(sum[:], sum[:]...)
}

var (
	tagSigHash = tag("TapSighash")
	tagLeaf    = tag("TapLeaf")
	tagBranch  = tag("TapBranch")
	tagTweak   = tag("TapTweak")
)

func (m *machine) taproot(program []byte, witness wire.TxWitness) *Error {
	stack := witness
	if n := len(stack); n == 0 {
		return errWitnessEmpty
	} else if n > 1 && len(stack[n-1]) > 0 && stack[n-1][0] == annexTag {
		m.space.buf = appendScript(m.space.buf[:0], stack[n-1])
		m.tap.annex, m.tap.annexed = sha256.Sum256(m.space.buf), true
		stack = stack[:n-1]
	}
	if len(stack) == 1 {
		return m.verifySchnorr(stack[0], program)
	}
	n := len(stack)
	control, script := stack[n-1], stack[n-2]
	if len(control) < controlBase || len(control) > controlMax || (len(control)-controlBase)%controlNode != 0 {
		return errTaprootControlSize
	}
	m.tap.leaf, m.tap.script = m.leafHash(control[0]&leafMask, script), true
	if !m.isCommitted(program, control) {
		return errWitnessMismatch
	}
	if control[0]&leafMask != leafVersion {
		if m.has(txscript.ScriptVerifyDiscourageUpgradeableTaprootVersion) {
			return errDiscourageTaproot
		}
		return nil
	}
	const budget = 50 // of a script whose witness weighs nothing
	m.tap.weight = budget + int64(witness.SerializeSize())
	return m.tapscript(stack[:n-2], script)
}

func (m *machine) leafHash(version byte, script []byte) [32]byte {
	buf := append(append(m.space.buf[:0], tagLeaf...), version)
	m.space.buf = appendScript(buf, script)
	return sha256.Sum256(m.space.buf)
}

// isCommitted reports whether the output key commits to the leaf, by the path
// in the control block.
func (m *machine) isCommitted(program, control []byte) bool {
	internal, root := control[1:controlBase], m.tap.leaf
	for path := control[controlBase:]; len(path) > 0; path = path[controlNode:] {
		a, b := root[:], path[:controlNode]
		if bytes.Compare(a, b) > 0 {
			a, b = b, a
		}
		m.space.buf = append(append(append(m.space.buf[:0], tagBranch...), a...), b...)
		root = sha256.Sum256(m.space.buf)
	}
	m.space.buf = append(append(append(m.space.buf[:0], tagTweak...), internal...), root[:]...)
	m.space.sum = sha256.Sum256(m.space.buf)
	return signature.VerifyTweak(program, internal, m.space.sum[:], control[0]&1 == 1)
}

// tapscript runs a leaf. OP_SUCCESSx comes before all other rules, if the script
// can be read up to it.
func (m *machine) tapscript(stack wire.TxWitness, script []byte) *Error {
	for at := 0; at < len(script); {
		op, _, next, ok := instruction(script, at)
		if !ok {
			return errBadOpcode
		}
		if isOpSuccess(op) {
			if m.has(txscript.ScriptVerifyDiscourageOpSuccess) {
				return errDiscourageOpSuccess
			}
			return nil
		}
		at = next
	}
	if len(stack) > maxStackSize {
		return errStackSize
	}
	return m.witnessScript(tapscript, stack, script)
}

// verifySchnorr verifies a signature that may have a hash type.
func (m *machine) verifySchnorr(sig, key []byte) *Error {
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
	if !signature.VerifySchnorr(key, sig, hash) {
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
