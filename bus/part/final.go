package part

import "errors"

// ErrFinal is the kind of errors after which it is of no use to start the part
// again: only the user can help.
var ErrFinal = errors.New("the part is not to be started again")

// Final makes an error, whose text is for the user, an ErrFinal.
func Final(err error) error { return &finalError{err} }

type finalError struct{ cause error }

func (e *finalError) Error() string { return e.cause.Error() }

// Unwrap returns ErrFinal and the cause.
func (e *finalError) Unwrap() []error { return []error{ErrFinal, e.cause} }
