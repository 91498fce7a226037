package script

// VerifyInput verifies one input of a transaction whose others need not be
// valid.
func VerifyInput(job *Job, index int) error {
	return New(Config{}).verifyInput(input{&prepared{job: job}, index}, 0, nil)
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
