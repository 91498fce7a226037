package config

import "fmt"

// complaint is an error in the words that bitcoind has for it, which scripts
// and users know; they begin with a capital and end with a full stop.
type complaint struct {
	text  string
	cause error
}

func (c *complaint) Error() string { return c.text }
func (c *complaint) Unwrap() error { return c.cause }

// Complain makes an error for the user. If the last argument is an error, it
// is the cause.
func Complain(format string, args ...any) error {
	c := &complaint{text: fmt.Sprintf(format, args...)}
	if len(args) > 0 {
		c.cause, _ = args[len(args)-1].(error)
	}
	return c
}
