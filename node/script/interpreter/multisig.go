package interpreter

import (
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// multiSig is where the arguments of a CHECKMULTISIG lie, as depths:
// dummy sig... count key... count.
type multiSig struct {
	keys, sigs int // counts
	key, sig   int // depths of the next ones
}

// end is the depth of the dummy.
func (a multiSig) end() int { return a.keys + a.sigs + 3 }

func checkMultiSig(m *machine) *Error {
	if m.version == tapscript {
		return errTapCheckMultiSig
	}
	args, err := m.multiSigArgs()
	if err != nil {
		return err
	}
	code := m.scriptCode()
	for i := range args.sigs {
		if code, err = m.without(code, m.top(args.sig+i)); err != nil {
			return err
		}
	}
	ok, err := m.matchAll(args, code)
	if err != nil {
		return err
	}
	if err := m.checkNulls(args, ok); err != nil {
		return err
	}
	m.drop(args.end())
	m.pushBool(ok)
	return nil
}

func (m *machine) multiSigArgs() (args multiSig, err *Error) {
	if args.keys, err = m.count(1, maxKeys, errPubKeyCount); err != nil {
		return args, err
	}
	if m.ops += args.keys; m.ops > maxOps {
		return args, errOpCount
	}
	args.key = 2
	if args.sigs, err = m.count(args.key+args.keys, args.keys, errSigCount); err != nil {
		return args, err
	}
	args.sig = args.key + args.keys + 1
	if len(m.stack) < args.end() {
		return args, errInvalidStack
	}
	return args, nil
}

// count reads a number from zero to most.
func (m *machine) count(depth, most int, wrong *Error) (int, *Error) {
	if len(m.stack) < depth {
		return 0, errInvalidStack
	}
	n, err := m.number(depth)
	if err != nil {
		return 0, err
	}
	if n < 0 || n > int64(most) {
		return 0, wrong
	}
	return int(n), nil
}

// matchAll: most keys are not a signature's, so that they fail is no reason to ask
// twice. If all signatures find a key, no other verdicts would find fewer; if not,
// every verdict counts.
func (m *machine) matchAll(args multiSig, code []byte) (bool, *Error) {
	if ok, err := m.matchKeys(args, code, signature.QuickECDSA); ok || !signature.AsksTwo {
		return ok, err
	}
	return m.matchKeys(args, code, signature.VerifyECDSA)
}

// matchKeys finds a key for every signature, in their order. It stops when fewer
// keys are left than signatures: the encodings of what it does not reach are not
// checked.
func (m *machine) matchKeys(args multiSig, code []byte, verify verifier) (bool, *Error) {
	keys, sigs := args.keys, args.sigs
	for sigs > 0 {
		sig, key := m.top(args.sig), m.top(args.key)
		if err := m.checkEncodings(sig, key); err != nil {
			return false, err
		}
		if m.verifyECDSA(sig, key, code, verify) {
			args.sig++
			sigs--
		}
		args.key++
		if keys--; sigs > keys {
			return false, nil
		}
	}
	return true, nil
}

// checkNulls demands that signatures which failed are empty (BIP146), and the
// element that is consumed without use as well (BIP147).
func (m *machine) checkNulls(args multiSig, ok bool) *Error {
	if !ok && m.has(txscript.ScriptVerifyNullFail) {
		for i := range args.sigs {
			if len(m.top(args.sig+i)) > 0 {
				return errSigNullFail
			}
		}
	}
	if m.has(txscript.ScriptStrictMultiSig) && len(m.top(args.end())) > 0 {
		return errSigNullDummy
	}
	return nil
}
