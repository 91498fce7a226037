package script

import "github.com/bulkheadnode/bulkhead/node/signature"

// Signatures of a batch: fewer are not worth one, more gain little.
const (
	minBatch = 16
	maxBatch = 256
)

// later collects the signatures of inputs that are valid if those are. Its
// zero value is empty.
type later struct {
	input int64 // place of the one that is verified now
	batch signature.SchnorrBatch
	put   []putOff
}

// putOff is a signature that is not verified yet.
type putOff struct {
	input    int64
	key, sig []byte
	hash     [signature.Hash]byte
}

func (p *putOff) verify() bool { return signature.VerifySchnorr(p.key, p.sig, p.hash[:]) }

// full tells that it is time for flush.
func (l *later) full() bool { return len(l.put) >= maxBatch }

// verify returns the verdict on a signature, or puts it off.
func (l *later) verify(key, sig, hash []byte) bool {
	if !signature.BatchesSchnorr {
		return signature.VerifySchnorr(key, sig, hash)
	}
	l.put = append(l.put, putOff{l.input, key, sig, [signature.Hash]byte(hash)})
	return true
}

// flush calls failed for the inputs whose signatures are not valid, and is
// empty afterwards.
func (l *later) flush(failed func(input int64)) {
	if len(l.put) < minBatch || !l.together() {
		for i := range l.put {
			if p := &l.put[i]; !p.verify() {
				failed(p.input)
			}
		}
	}
	l.put = l.put[:0]
}

func (l *later) together() bool {
	for i := range l.put {
		p := &l.put[i]
		l.batch.Add(p.key, p.sig, p.hash[:])
	}
	return l.batch.Verify()
}
