package interpreter

import (
	"crypto/sha256"

	"github.com/btcsuite/btcd/txscript/v2"
)

// witnessParts returns what signatures of witnesses share. Those of version 0
// use the double hashes, taproot the single ones.
func (t *Tx) witnessParts() *witnessParts {
	p := &t.witness
	p.once.Do(func() {
		outPoints := make([]byte, 0, outPointSize*len(t.tx.TxIn))
		sequences := make([]byte, 0, 4*len(t.tx.TxIn))
		outputs := make([]byte, 0, outputsSize(t.tx.TxOut))
		for _, in := range t.tx.TxIn {
			outPoints = appendOutPoint(outPoints, &in.PreviousOutPoint)
			sequences = appendUint32(sequences, in.Sequence)
		}
		for _, out := range t.tx.TxOut {
			outputs = appendOutput(outputs, out)
		}
		p.prevouts, p.sequences, p.outputs = bothSHA256(outPoints), bothSHA256(sequences), bothSHA256(outputs)
	})
	return p
}

func bothSHA256(b []byte) (sums [2][32]byte) {
	sums[0] = sha256.Sum256(b)
	sums[1] = sha256.Sum256(sums[0][:])
	return sums
}

// spentParts adds what taproot signatures commit to besides.
func (t *Tx) spentParts() *witnessParts {
	p := t.witnessParts()
	p.spentOnce.Do(func() {
		var amounts, scripts []byte
		for i := range t.spent {
			amounts = appendAmount(amounts, t.spent[i].Value)
			scripts = appendScript(scripts, t.spent[i].PkScript)
		}
		p.amounts, p.scripts = sha256.Sum256(amounts), sha256.Sum256(scripts)
	})
	return p
}

// writeWitness hashes what a signature commits to (BIP143), all but its hash
// type.
func (s *spending) writeWitness(code []byte, hashType byte) {
	var none [32]byte
	p := s.tx.witnessParts()
	prevouts, sequences := &p.prevouts[1], &p.sequences[1]
	if hashType&byte(txscript.SigHashAnyOneCanPay) != 0 {
		prevouts = &none
	}
	if isOpen(hashType) {
		sequences = &none
	}
	in := s.tx.tx.TxIn[s.index]
	buf := appendUint32(s.space.buf[:0], uint32(s.tx.tx.Version))
	buf = append(append(buf, prevouts[:]...), sequences[:]...)
	buf = appendScript(appendOutPoint(buf, &in.PreviousOutPoint), code)
	buf = appendAmount(buf, s.tx.spent[s.index].Value)
	buf = appendUint32(buf, in.Sequence)
	outputs := s.witnessOutputs(p, hashType)
	buf = append(buf, outputs[:]...)
	s.space.buf = appendUint32(buf, s.tx.tx.LockTime)
	s.space.sha.Reset()
	s.space.sha.Write(s.space.buf)
}

// witnessOutputs: SINGLE without an output beside the input signs none.
func (s *spending) witnessOutputs(p *witnessParts, hashType byte) (sum [32]byte) {
	switch hashType & outputMask {
	case byte(txscript.SigHashNone):
		return sum
	case byte(txscript.SigHashSingle):
		if s.index >= len(s.tx.tx.TxOut) {
			return sum
		}
		single := s.ownOutput()
		return sha256.Sum256(single[:])
	}
	return p.outputs[1]
}

// ownOutput is a hash that is computed once in a run.
type ownOutput struct {
	known bool
	sum   [32]byte
}

// ownOutput returns the SHA256 of the output beside this input, which may be
// large while signatures are many.
func (s *spending) ownOutput() [32]byte {
	if !s.own.known {
		s.own.sum = sha256.Sum256(appendOutput(nil, s.tx.tx.TxOut[s.index]))
		s.own.known = true
	}
	return s.own.sum
}
