package interpreter

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

func nop(*machine) *Error { return nil }

func badOpcode(*machine) *Error { return errBadOpcode }

func opReturn(*machine) *Error { return errOpReturn }

func smallNumber(m *machine) *Error {
	m.pushNumber(int64(m.op) - (txscript.OP_1 - 1))
	return nil
}

func upgradableNop(m *machine) *Error {
	if m.has(txscript.ScriptDiscourageUpgradableNops) {
		return errDiscourageNops
	}
	return nil
}

// ifOrNotIf is handled even where it is not executed, to count the nesting.
func ifOrNotIf(m *machine) *Error {
	if !m.conditions.met() {
		m.conditions.push(false)
		return nil
	}
	if len(m.stack) < 1 {
		return errInvalidStack
	}
	if err := m.checkMinimalIf(m.top(1)); err != nil {
		return err
	}
	m.conditions.push(isTrue(m.top(1)) == (m.op == txscript.OP_IF))
	m.drop(1)
	return nil
}

// checkMinimalIf demands nothing or a one: for consensus in tapscript, as policy
// in witnesses of version 0.
func (m *machine) checkMinimalIf(e []byte) *Error {
	if len(e) == 0 || len(e) == 1 && e[0] == 1 {
		return nil
	}
	if m.version == tapscript {
		return errTapMinimalIf
	}
	if m.version == witnessV0 && m.has(txscript.ScriptVerifyMinimalIf) {
		return errMinimalIf
	}
	return nil
}

func opElse(m *machine) *Error {
	if m.conditions.depth == 0 {
		return errUnbalancedConditional
	}
	m.conditions.toggle()
	return nil
}

func endIf(m *machine) *Error {
	if m.conditions.depth == 0 {
		return errUnbalancedConditional
	}
	m.conditions.pop()
	return nil
}

// verifying drops the truth that a handler has left, or fails with err.
func verifying(handle handler, err *Error) handler {
	return func(m *machine) *Error {
		if err := handle(m); err != nil {
			return err
		}
		if !isTrue(m.top(1)) {
			return err
		}
		m.drop(1)
		return nil
	}
}

// lockTime reads the operand of a lock (BIP65, BIP112).
func (m *machine) lockTime() (int64, *Error) {
	if len(m.stack) < 1 {
		return 0, errInvalidStack
	}
	n, err := number(m.top(1), m.has(txscript.ScriptVerifyMinimalData), lockTimeSize)
	if err == nil && n < 0 {
		err = errNegativeLockTime
	}
	return n, err
}

func checkLockTimeVerify(m *machine) *Error {
	if !m.has(txscript.ScriptVerifyCheckLockTimeVerify) {
		return nil
	}
	want, err := m.lockTime()
	if err != nil {
		return err
	}
	has := int64(m.tx.tx.LockTime)
	sameKind := (has < txscript.LockTimeThreshold) == (want < txscript.LockTimeThreshold)
	if !sameKind || want > has || m.tx.tx.TxIn[m.index].Sequence == wire.MaxTxInSequenceNum {
		return errUnsatisfiedLockTime
	}
	return nil
}

func checkSequenceVerify(m *machine) *Error {
	if !m.has(txscript.ScriptVerifyCheckSequenceVerify) {
		return nil
	}
	want, err := m.lockTime()
	if err != nil {
		return err
	}
	const disabled = wire.SequenceLockTimeDisabled
	if want&disabled != 0 {
		return nil
	}
	has := int64(m.tx.tx.TxIn[m.index].Sequence)
	if uint32(m.tx.tx.Version) < 2 || has&disabled != 0 {
		return errUnsatisfiedLockTime
	}
	const kind, mask = wire.SequenceLockTimeIsSeconds, wire.SequenceLockTimeIsSeconds | wire.SequenceLockTimeMask
	if want&kind != has&kind || want&mask > has&mask {
		return errUnsatisfiedLockTime
	}
	return nil
}
