package script

import "github.com/bulkheadnode/bulkhead/node/signature"

// VerifyInput verifies one input of a transaction whose others need not be
// valid.
func VerifyInput(job *Job, index int) error {
	return New(Config{}).execute(input{prepare(job), index}, signature.VerifySchnorr)
}

// Occupy takes all places of goroutines that run scripts until release is called.
func (v *Verifier) Occupy() (release func()) {
	for range cap(v.slots) {
		v.slots <- struct{}{}
	}
	return func() {
		for range cap(v.slots) {
			<-v.slots
		}
	}
}
