package interpreter

import (
	"crypto/sha256"
	"hash"
	"sync"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// Limits (BIP342 lifts those of the script and of operations).
const (
	maxScriptSize  = 10_000
	maxElementSize = 520
	maxOps         = 201
	maxStackSize   = 1000
	maxKeys        = 20 // of a CHECKMULTISIG
)

// sigVersion selects the rules of signatures.
type sigVersion int

const (
	base sigVersion = iota
	witnessV0
	tapscript
)

// machine runs the scripts of an input.
type machine struct {
	spending
	operands
	flags   txscript.ScriptFlags
	keyPath verifier // of the signature that a taproot key path consists of

	script     []byte
	next       int    // where the next instruction begins
	op         byte   // the present instruction
	position   uint32 // its number, counted from zero
	ops        int
	codeBegin  int // of the script code: after the last OP_CODESEPARATOR that was executed
	conditions conditions

	alt, saved [][]byte
}

// spending is the input that is verified, and what its signatures commit to.
type spending struct {
	tx      *Tx
	index   int
	version sigVersion
	tap     taprootData
	hashes  [meanings]midstate
	own     ownOutput
	space   workspace
}

// operands is the stack.
type operands struct{ stack [][]byte }

// workspace is memory that runs hand to each other.
type workspace struct {
	free   []byte // of the present chunk, never written
	sha    hash.Hash
	ripemd hash.Hash
	buf    []byte
	sum    [sha256.Size]byte
	key    [signature.UncompressedKey]byte
	der    [maxDER]byte
}

var machines = sync.Pool{New: func() any {
	return &machine{spending: spending{space: workspace{sha: sha256.New(), ripemd: newRIPEMD160()}}}
}}

// release gives the machine back without what it refers to. States, buffers and
// stacks are used again unless a run made them large.
func (m *machine) release() {
	const most = 2 * maxStackSize
	for _, s := range []*[][]byte{&m.stack, &m.alt, &m.saved} {
		if cap(*s) > most {
			*s = nil
		}
		clear((*s)[:cap(*s)])
		*s = (*s)[:0]
	}
	if cap(m.space.buf) > 2*maxScriptSize {
		m.space.buf = nil
	}
	for i := range m.hashes {
		m.hashes[i].code, m.hashes[i].known = nil, false
	}
	m.tx, m.script, m.keyPath, m.tap, m.own.known = nil, nil, nil, taprootData{}, false
	machines.Put(m)
}

func (m *machine) has(flag txscript.ScriptFlags) bool { return m.flags&flag != 0 }

// element returns n bytes for an element of the stack.
func (s *spending) element(n int) []byte {
	const chunk = 1024
	if len(s.space.free) < n {
		s.space.free = make([]byte, chunk)
	}
	e := s.space.free[:n:n]
	s.space.free = s.space.free[n:]
	return e
}

// eval runs a script on the stack.
func (m *machine) eval(version sigVersion, script []byte) *Error {
	m.version, m.script, m.next, m.position = version, script, 0, 0
	m.ops, m.codeBegin, m.conditions, m.alt = 0, 0, conditions{}, m.alt[:0]
	m.tap.codeSeparator = noCodeSeparator
	if version != tapscript && len(script) > maxScriptSize {
		return errScriptSize
	}
	for m.next < len(script) {
		if err := m.step(); err != nil {
			return err
		}
		m.position++
	}
	if m.conditions.depth > 0 {
		return errUnbalancedConditional
	}
	return nil
}

func (m *machine) step() *Error {
	op, data, next, ok := instruction(m.script, m.next)
	if !ok {
		return errBadOpcode
	}
	m.op, m.next = op, next
	if err := m.admit(data); err != nil {
		return err
	}
	switch executed := m.conditions.met(); {
	case executed && op <= txscript.OP_PUSHDATA4:
		if m.has(txscript.ScriptVerifyMinimalData) && !isMinimalPush(op, data) {
			return errMinimalData
		}
		m.push(data)
	case executed || op >= txscript.OP_IF && op <= txscript.OP_ENDIF:
		if err := handlers[op](m); err != nil {
			return err
		}
	}
	if len(m.stack)+len(m.alt) > maxStackSize {
		return errStackSize
	}
	return nil
}

// admit checks what must hold even for an instruction that is not executed.
func (m *machine) admit(data []byte) *Error {
	if len(data) > maxElementSize {
		return errPushSize
	}
	if m.version != tapscript && m.op > txscript.OP_16 {
		if m.ops++; m.ops > maxOps {
			return errOpCount
		}
	}
	if isDisabled(m.op) {
		return errDisabledOpcode
	}
	if m.op == txscript.OP_CODESEPARATOR && m.version == base && m.has(txscript.ScriptVerifyConstScriptCode) {
		return errCodeSeparator
	}
	return nil
}
