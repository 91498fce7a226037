package secure

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Kind says in a stable word what was wrong. errors.Is finds it.
type Kind string

// The kinds of Error.
const (
	ErrConfig    Kind = "bad-configuration"  // this side's own settings or inner peer
	ErrMechanism Kind = "wrong-mechanism"    // the peer speaks NULL, PLAIN or an older ZMTP
	ErrServerKey Kind = "wrong-server-key"   // the HELLO or WELCOME box does not open
	ErrClientKey Kind = "unknown-client-key" // Authorize refused the proven key
	ErrMalformed Kind = "malformed"          // not what the protocol allows here
	ErrForged    Kind = "forged"             // a box, cookie or vouch that is not genuine
	ErrNonce     Kind = "repeated-nonce"     // replayed or out of order
	ErrLimit     Kind = "limit-exceeded"     // a size over the limit
	ErrTimeout   Kind = "handshake-timeout"  // the peer did not finish in time
	ErrRefused   Kind = "refused-by-peer"    // an ERROR command, or closed in the handshake
)

func (k Kind) Error() string { return "secure: " + string(k) }

// Error is a failure with its kind and the evidence.
type Error struct {
	Kind   Kind
	Detail string
	Err    error // the cause, or nil
}

func (e *Error) Error() string {
	text := e.Kind.Error() + ": " + e.Detail
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is reports whether target is e's Kind.
func (e *Error) Is(target error) bool { return target == error(e.Kind) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// reason is the text of the ERROR command that tells a client of kind. 400 is
// the status by which libzmq knows that authentication failed (RFC 27).
func (k Kind) reason() string {
	if k == ErrClientKey {
		return "400"
	}
	return string(k)
}

// handshakeError gives what ended a handshake its kind.
func handshakeError(ctx context.Context, err error) error {
	var typed *Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{ErrTimeout, "no end of the handshake in time", ctx.Err()}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &typed):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Error{ErrTimeout, "no end of the handshake in time", err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), closedByPeer(err):
		return &Error{ErrRefused, "the peer closed in the handshake", err}
	}
	return err
}

func closedByPeer(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.ErrClosedPipe)
}

// transient tells whether a read may be tried again.
func transient(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
