package interpreter

import (
	"bytes"
	"crypto/sha256"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// verify runs the signature script, the script that it spends, and what that
// stands for: the script of a hash, or a witness program.
func (m *machine) verify() *Error {
	in, pkScript := m.tx.tx.TxIn[m.index], m.tx.spent[m.index].PkScript
	sigScript := in.SignatureScript
	if m.has(txscript.ScriptVerifySigPushOnly) && !isPushOnly(sigScript) {
		return errSigPushOnly
	}
	if err := m.eval(base, sigScript); err != nil {
		return err
	}
	byHash := m.has(txscript.ScriptBip16) && isScriptHash(pkScript)
	if byHash {
		m.saved = append(m.saved[:0], m.stack...)
	}
	if err := m.evalTrue(pkScript); err != nil {
		return err
	}
	program, err := m.programOf(pkScript, nil)
	if err == nil && byHash {
		program, err = m.redeem(sigScript)
	}
	if err != nil {
		return err
	}
	if m.has(txscript.ScriptVerifyCleanStack) && len(m.stack) != 1 {
		return errCleanStack
	}
	if m.has(txscript.ScriptVerifyWitness) && !program && len(in.Witness) > 0 {
		return errWitnessUnexpected
	}
	return nil
}

// evalTrue runs a script that must leave a truth.
func (m *machine) evalTrue(script []byte) *Error {
	if err := m.eval(base, script); err != nil {
		return err
	}
	if len(m.stack) == 0 || !isTrue(m.top(1)) {
		return errEvalFalse
	}
	return nil
}

// redeem runs the script whose hash was spent (BIP16): the last element that the
// signature script has left. It reports whether that is a witness program.
func (m *machine) redeem(sigScript []byte) (program bool, err *Error) {
	if !isPushOnly(sigScript) {
		return false, errSigPushOnly
	}
	m.stack, m.saved = m.saved, m.stack
	script := m.top(1)
	m.drop(1)
	if err := m.evalTrue(script); err != nil {
		return false, err
	}
	return m.programOf(script, script)
}

// programOf verifies the witness if script is a witness program. redeem is that
// script if it was found by its hash. All that a signature script may do is to push
// it.
func (m *machine) programOf(script, redeem []byte) (program bool, err *Error) {
	if !m.has(txscript.ScriptVerifyWitness) {
		return false, nil
	}
	version, data, ok := witnessProgram(script)
	if !ok {
		return false, nil
	}
	in := m.tx.tx.TxIn[m.index]
	if redeem == nil && len(in.SignatureScript) > 0 {
		return true, errWitnessMalleated
	}
	if redeem != nil && !bytes.Equal(in.SignatureScript, appendPush(nil, redeem)) {
		return true, errWitnessMalleatedP2SH
	}
	if err := m.verifyProgram(version, data, redeem != nil); err != nil {
		return true, err
	}
	// The rule of a clean stack is about scripts without a witness.
	m.stack = m.stack[:1]
	return true, nil
}

// verifyProgram verifies the witness of a program. What is not defined yet is
// valid.
func (m *machine) verifyProgram(version int, program []byte, byHash bool) *Error {
	witness := m.tx.tx.TxIn[m.index].Witness
	switch {
	case version == 0:
		return m.programV0(program, witness)
	case version == 1 && len(program) == sha256.Size && !byHash:
		if !m.has(txscript.ScriptVerifyTaproot) {
			return nil
		}
		return m.taproot(program, witness)
	case isAnchor(version, program) && !byHash:
		return nil
	case m.has(txscript.ScriptVerifyDiscourageUpgradeableWitnessProgram):
		return errDiscourageWitnessProgram
	}
	return nil
}

// isAnchor: pay to anchor, which needs no signature.
func isAnchor(version int, program []byte) bool {
	return version == 1 && len(program) == 2 && program[0] == 0x4e && program[1] == 0x73
}

// programV0: the hash of a script or of a key (BIP141).
func (m *machine) programV0(program []byte, witness wire.TxWitness) *Error {
	switch n := len(witness); len(program) {
	case sha256.Size:
		if n == 0 {
			return errWitnessEmpty
		}
		script := witness[n-1]
		if sum := sha256.Sum256(script); !bytes.Equal(sum[:], program) {
			return errWitnessMismatch
		}
		return m.witnessScript(witnessV0, witness[:n-1], script)
	case keyHashSize:
		if n != 2 {
			return errWitnessMismatch
		}
		return m.witnessScript(witnessV0, witness, m.keyHashScript(program))
	}
	return errWitnessLength
}

const keyHashSize = 20

// keyHashScript is what the hash of a key stands for.
func (m *machine) keyHashScript(hash []byte) []byte {
	script := append(m.element(keyHashSize + 5)[:0], txscript.OP_DUP, txscript.OP_HASH160, keyHashSize)
	return append(append(script, hash...), txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG)
}

// witnessScript runs a script on the stack that a witness gives. Nothing but a
// truth may be left.
func (m *machine) witnessScript(version sigVersion, stack wire.TxWitness, script []byte) *Error {
	for _, element := range stack {
		if len(element) > maxElementSize {
			return errPushSize
		}
	}
	m.stack = append(m.stack[:0], stack...)
	if err := m.eval(version, script); err != nil {
		return err
	}
	if len(m.stack) != 1 {
		return errCleanStack
	}
	if !isTrue(m.top(1)) {
		return errEvalFalse
	}
	return nil
}
