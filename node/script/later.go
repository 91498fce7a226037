package script

import "github.com/bulkheadnode/bulkhead/node/signature"

// Signatures of a batch: fewer are not worth one, more gain little.
const (
	minBatch = 16
	maxBatch = 256
)

// later collects the signatures of inputs that are valid if those are. Its
// zero value is empty, a nil one collects nothing.
type later struct {
	batch  signature.SchnorrBatch
	inputs []int64
	triple [][3][]byte // key, signature, hash
}

// full tells that it is time for flush.
func (l *later) full() bool { return len(l.inputs) >= maxBatch }

// verify returns the verdict on a signature, or puts it off, in which case
// input is the place of the one that needs it.
func (l *later) verify(input int64, key, sig, hash []byte) bool {
	if l == nil || !signature.BatchesSchnorr {
		return signature.VerifySchnorr(key, sig, hash)
	}
	l.inputs = append(l.inputs, input)
	l.triple = append(l.triple, [3][]byte{key, sig, hash})
	return true
}

// flush calls failed for the inputs whose signatures are not valid, and is
// empty afterwards.
func (l *later) flush(failed func(input int64)) {
	if len(l.inputs) < minBatch || !l.together() {
		for i, t := range l.triple {
			if !signature.VerifySchnorr(t[0], t[1], t[2]) {
				failed(l.inputs[i])
			}
		}
	}
	l.inputs, l.triple = l.inputs[:0], l.triple[:0]
}

func (l *later) together() bool {
	for _, t := range l.triple {
		l.batch.Add(t[0], t[1], t[2])
	}
	return l.batch.Verify()
}
