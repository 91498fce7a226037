package interpreter

import (
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

func codeSeparator(m *machine) *Error {
	m.codeBegin = m.next
	m.tap.codeSeparator = m.position
	return nil
}

// scriptCode is what signatures commit to: the script from the last
// OP_CODESEPARATOR on.
func (m *machine) scriptCode() []byte { return m.script[m.codeBegin:] }

func checkSig(m *machine) *Error {
	ok, err := m.verifySig(m.top(2), m.top(1))
	if err != nil {
		return err
	}
	m.drop(2)
	m.pushBool(ok)
	return nil
}

func checkSigAdd(m *machine) *Error {
	if m.version != tapscript {
		return errBadOpcode
	}
	if len(m.stack) < 3 {
		return errInvalidStack
	}
	n, err := m.number(2)
	if err != nil {
		return err
	}
	ok, err := m.verifySig(m.top(3), m.top(1))
	if err != nil {
		return err
	}
	m.drop(3)
	m.pushNumber(n + truth(ok))
	return nil
}

// verifySig tells whether a signature is valid, unless the script must fail for
// it.
func (m *machine) verifySig(sig, key []byte) (bool, *Error) {
	if m.version == tapscript {
		return m.verifyTapSig(sig, key)
	}
	code, err := m.without(m.scriptCode(), sig)
	if err != nil {
		return false, err
	}
	if err := m.checkEncodings(sig, key); err != nil {
		return false, err
	}
	ok := m.verifyECDSA(sig, key, code, signature.VerifyECDSA)
	if !ok && len(sig) > 0 && m.has(txscript.ScriptVerifyNullFail) {
		return false, errSigNullFail
	}
	return ok, nil
}

// verifyTapSig: whether an upgradable key comes with a signature counts, not the
// signature (BIP342).
func (m *machine) verifyTapSig(sig, key []byte) (bool, *Error) {
	const weight = 50 // of a signature in the budget
	if len(sig) > 0 {
		if m.tap.weight -= weight; m.tap.weight < 0 {
			return false, errValidationWeight
		}
	}
	switch len(key) {
	case 0:
		return false, errTapEmptyPubKey
	case signature.XOnlyKey:
		if len(sig) == 0 {
			return false, nil
		}
		if err := m.verifySchnorr(sig, key, signature.VerifySchnorr); err != nil {
			return false, err
		}
	default:
		if m.has(txscript.ScriptVerifyDiscourageUpgradeablePubkeyType) {
			return false, errDiscouragePubKeyType
		}
	}
	return len(sig) > 0, nil
}

// verifier is a function like those of package signature.
type verifier func(key, der, hash []byte) bool

// verifyECDSA verifies a signature with its hash type.
func (m *machine) verifyECDSA(sig, key, code []byte, verify verifier) bool {
	if len(sig) == 0 {
		return false
	}
	last := len(sig) - 1
	public, ok := plainKey(m.space.key[:], key)
	if !ok {
		return false
	}
	rs, ok := parseLaxDER(sig[:last])
	if !ok || !rs.normalise() {
		return false
	}
	hash := m.signatureHash(code, sig[last])
	return verify(public, rs.appendDER(m.space.der[:0]), hash)
}
