package interpreter

import (
	"bytes"
	"crypto/sha256"

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

// tag is what a tagged hash begins with (BIP340).
func tag(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return append(sum[:], sum[:]...)
}

var (
	tagLeaf   = tag("TapLeaf")
	tagBranch = tag("TapBranch")
	tagTweak  = tag("TapTweak")
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
		return m.verifySchnorr(stack[0], program, m.keyPath)
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

func (s *spending) leafHash(version byte, script []byte) [32]byte {
	buf := append(append(s.space.buf[:0], tagLeaf...), version)
	s.space.buf = appendScript(buf, script)
	return sha256.Sum256(s.space.buf)
}

// isCommitted reports whether the output key commits to the leaf, by the path
// in the control block.
func (s *spending) isCommitted(program, control []byte) bool {
	internal, root := control[1:controlBase], s.tap.leaf
	for path := control[controlBase:]; len(path) > 0; path = path[controlNode:] {
		a, b := root[:], path[:controlNode]
		if bytes.Compare(a, b) > 0 {
			a, b = b, a
		}
		s.space.buf = append(append(append(s.space.buf[:0], tagBranch...), a...), b...)
		root = sha256.Sum256(s.space.buf)
	}
	s.space.buf = append(append(append(s.space.buf[:0], tagTweak...), internal...), root[:]...)
	s.space.sum = sha256.Sum256(s.space.buf)
	return signature.VerifyTweak(program, internal, s.space.sum[:], control[0]&1 == 1)
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
