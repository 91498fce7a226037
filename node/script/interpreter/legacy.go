package interpreter

import (
	"bytes"
	"encoding"
	"hash"
	"sync"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

const (
	outPointSize   = 36
	blankInputSize = outPointSize + 1 + 4 // without a script
)

// legacyParts are parts of what legacy signatures commit to: the transaction
// with empty scripts, into which each signature puts a script code.
type legacyParts struct {
	once, openOnce sync.Once
	first          int      // where the first input begins
	inputs         []byte   // version, count and inputs
	open           []byte   // the same with zeros as sequences
	states         [][]byte // of SHA256 before every stride-th input but the first
	outputs        []byte   // count, outputs and lock time
}

// stride is how many inputs lie between two states: few, as each signature
// hashes them again, but not so few that states weigh more than inputs.
const stride = 64

func (t *Tx) legacyParts(sha hash.Hash) *legacyParts {
	p := &t.legacy
	p.once.Do(func() {
		p.inputs, p.first = t.blankInputs(func(in *wire.TxIn) uint32 { return in.Sequence })
		p.outputs = make([]byte, 0, 13+outputsSize(t.tx.TxOut))
		p.outputs = appendCompactSize(p.outputs, len(t.tx.TxOut))
		for _, out := range t.tx.TxOut {
			p.outputs = appendOutput(p.outputs, out)
		}
		p.outputs = appendUint32(p.outputs, t.tx.LockTime)
		p.states = p.statesBefore(sha, len(t.tx.TxIn))
	})
	return p
}

func outputsSize(outs []*wire.TxOut) (n int) {
	for _, out := range outs {
		n += out.SerializeSize()
	}
	return n
}

func (t *Tx) blankInputs(sequence func(*wire.TxIn) uint32) (inputs []byte, first int) {
	inputs = make([]byte, 0, 4+9+blankInputSize*len(t.tx.TxIn))
	inputs = appendUint32(inputs, uint32(t.tx.Version))
	inputs = appendCompactSize(inputs, len(t.tx.TxIn))
	first = len(inputs)
	for _, in := range t.tx.TxIn {
		inputs = append(appendOutPoint(inputs, &in.PreviousOutPoint), 0)
		inputs = appendUint32(inputs, sequence(in))
	}
	return inputs, first
}

// openInputs has no sequence of inputs: signatures of hash types NONE and SINGLE
// leave those of others open.
func (t *Tx) openInputs(p *legacyParts) []byte {
	p.openOnce.Do(func() {
		p.open, _ = t.blankInputs(func(*wire.TxIn) uint32 { return 0 })
	})
	return p.open
}

func (p *legacyParts) statesBefore(sha hash.Hash, inputs int) (states [][]byte) {
	sha.Reset()
	done := 0
	for i := stride; i < inputs; i += stride {
		end := p.first + i*blankInputSize
		sha.Write(p.inputs[done:end])
		states = append(states, appendState(nil, sha))
		done = end
	}
	return states
}

// writeLegacy hashes what a signature of input m.index commits to, all but its
// hash type.
func (s *spending) writeLegacy(code []byte, hashType byte) {
	p := s.tx.legacyParts(s.space.sha)
	s.space.sha.Reset()
	if hashType&byte(txscript.SigHashAnyOneCanPay) != 0 {
		s.writeOwnInput(code)
	} else {
		s.writeInputs(p, code, hashType)
	}
	switch hashType & outputMask {
	case byte(txscript.SigHashNone):
		s.space.buf = appendUint32(append(s.space.buf[:0], 0), s.tx.tx.LockTime)
		s.space.sha.Write(s.space.buf)
	case byte(txscript.SigHashSingle):
		s.writeSingleOutput()
	default:
		s.space.sha.Write(p.outputs)
	}
}

// writeOwnInput writes version and inputs as if there were only this one.
func (s *spending) writeOwnInput(code []byte) {
	in := s.tx.tx.TxIn[s.index]
	buf := append(appendUint32(s.space.buf[:0], uint32(s.tx.tx.Version)), 1)
	buf = appendCode(appendOutPoint(buf, &in.PreviousOutPoint), code)
	s.space.buf = appendUint32(buf, in.Sequence)
	s.space.sha.Write(s.space.buf)
}

func (s *spending) writeInputs(p *legacyParts, code []byte, hashType byte) {
	sha, inputs, done := s.space.sha, p.inputs, 0
	if isOpen(hashType) {
		inputs = s.tx.openInputs(p)
	} else if n := s.index / stride; n > 0 {
		setState(sha, p.states[n-1])
		done = p.first + n*stride*blankInputSize
	}
	own := p.first + s.index*blankInputSize
	sha.Write(inputs[done : own+outPointSize])
	s.space.buf = appendUint32(appendCode(s.space.buf[:0], code), s.tx.tx.TxIn[s.index].Sequence)
	sha.Write(s.space.buf)
	sha.Write(inputs[own+blankInputSize:])
}

// blankOutputs are outputs as SINGLE has them before its own: amounts of -1
// without script.
var blankOutputs = bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, 64)

const blankOutputSize = 9

// writeSingleOutput writes the output beside this input and blanks for those
// before.
func (s *spending) writeSingleOutput() {
	s.space.sha.Write(appendCompactSize(s.space.buf[:0], s.index+1))
	for left := s.index * blankOutputSize; left > 0; {
		n := min(left, len(blankOutputs))
		s.space.sha.Write(blankOutputs[:n])
		left -= n
	}
	buf := appendOutput(s.space.buf[:0], s.tx.tx.TxOut[s.index])
	s.space.buf = appendUint32(buf, s.tx.tx.LockTime)
	s.space.sha.Write(s.space.buf)
}

// appendState and setState save and restore a hash of the standard library,
// which never fails for those of its own kind.
func appendState(to []byte, sha hash.Hash) []byte {
	to, err := sha.(encoding.BinaryAppender).AppendBinary(to)
	if err != nil {
		panic(err)
	}
	return to
}

func setState(sha hash.Hash, state []byte) {
	if err := sha.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		panic(err)
	}
}
