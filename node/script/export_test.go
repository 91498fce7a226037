package script

// VerifyInput verifies one input of a transaction whose others need not be
// valid.
func VerifyInput(job *Job, index int) error {
	return New(Config{}).verifyInput(input{&prepared{job: job}, index}, 0, nil)
}
