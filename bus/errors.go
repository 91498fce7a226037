package bus

import (
	"context"
	"errors"
	"fmt"
)

// Kind is the stable name of a sort of failure. It crosses the bus.
type Kind string

// The bus's own kinds. Handlers add theirs, prefixed by their part.
const (
	KindNoService  Kind = "no-service" // nobody offers the method
	KindGone       Kind = "gone"       // the service ended with the call in flight
	KindDeadline   Kind = "deadline"   // no reply in time
	KindCanceled   Kind = "canceled"   // the caller gave up
	KindDenied     Kind = "denied"     // refused by the rights table
	KindOverloaded Kind = "overloaded" // a bounded queue is full
	KindBadMessage Kind = "bad-message"
	KindClosed     Kind = "closed"   // our own link to the broker is down
	KindInternal   Kind = "internal" // the handler failed without a kind
)

// Targets for errors.Is.
var (
	ErrNoService  = &Error{Kind: KindNoService}
	ErrGone       = &Error{Kind: KindGone}
	ErrDeadline   = &Error{Kind: KindDeadline}
	ErrCanceled   = &Error{Kind: KindCanceled}
	ErrDenied     = &Error{Kind: KindDenied}
	ErrOverloaded = &Error{Kind: KindOverloaded}
	ErrBadMessage = &Error{Kind: KindBadMessage}
	ErrClosed     = &Error{Kind: KindClosed}
)

// Error is a failed call.
type Error struct {
	Kind   Kind
	Method string // the method or topic concerned, if known
	Text   string
}

func (e *Error) Error() string {
	s := string(e.Kind)
	if e.Method != "" {
		s = e.Method + ": " + s
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// Is reports whether target is an *Error of the same kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind
}

// Errorf makes a handler's own error.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// asError gives any error of a handler a kind. One that was canceled, or whose own call
// was, gave up because its service ends: the caller has not.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) && e.Kind != KindCanceled {
		return e
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: KindDeadline, Text: "the handler ran out of time"}
	case errors.Is(err, context.Canceled), e != nil:
		return &Error{Kind: KindGone, Text: "the service ended during the call"}
	}
	return &Error{Kind: KindInternal, Text: err.Error()}
}
