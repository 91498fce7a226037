package secure

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// wire exchanges greetings and handshake commands with the peer.
type wire struct {
	in  *inbox
	out io.Writer
}

// greeting is a ZMTP greeting of version 3.minor.
func greeting(mechanism string, minor byte, asServer bool) []byte {
	g := make([]byte, zmtp.GreetingSize)
	g[0], g[9], g[10], g[11] = 0xff, 0x7f, 3, minor
	copy(g[zmtp.MechanismAt:zmtp.AsServerAt], mechanism)
	if asServer {
		g[zmtp.AsServerAt] = 1
	}
	return g
}

// greet exchanges greetings. The peer's is looked at as it arrives: a peer of
// another protocol may be waiting for an answer before it sends 64 bytes. For
// a like reason this side's mechanism comes last: libzmq closes without having
// sent its own when it learns of another, and then nobody knows what it spoke.
func (w *wire) greet(asServer bool) error {
	ours := greeting("CURVE", 1, asServer)
	if _, err := w.out.Write(ours[:zmtp.MechanismAt]); err != nil {
		return err
	}
	for _, n := range []int{1, 10, 11, zmtp.MechanismAt} {
		if err := w.needGreeting(n); err != nil {
			return err
		}
	}
	// A client does not wait for more, or two peers of this kind would wait
	// for each other.
	if !asServer {
		if _, err := w.out.Write(ours[zmtp.MechanismAt:]); err != nil {
			return err
		}
		return w.finishGreeting(false)
	}
	err := w.finishGreeting(true)
	if _, failed := w.out.Write(ours[zmtp.MechanismAt:]); err == nil {
		err = failed
	}
	return err
}

func (w *wire) needGreeting(n int) error {
	g, err := w.in.need(n)
	if err != nil {
		return err
	}
	return checkGreeting(g, "CURVE")
}

func (w *wire) finishGreeting(asServer bool) error {
	if err := w.needGreeting(zmtp.GreetingSize); err != nil {
		return err
	}
	// libzmq's server leaves as-server unset, so its absence tells nothing.
	if g := w.in.peek(); asServer && g[zmtp.AsServerAt] == 1 {
		return &Error{Kind: ErrMechanism, Detail: "both sides are servers"}
	}
	w.in.consume(zmtp.GreetingSize)
	return nil
}

// checkGreeting checks as much of a greeting as there is.
func checkGreeting(g []byte, mechanism string) error {
	if g[0] != 0xff || len(g) > 9 && g[9] != 0x7f {
		return malformed("no ZMTP signature")
	}
	if len(g) > 10 && g[10] < 3 {
		return &Error{Kind: ErrMechanism, Detail: fmt.Sprintf("the peer speaks version %d of ZMTP, which has no mechanisms", g[10])}
	}
	if len(g) < zmtp.GreetingSize {
		return nil
	}
	theirs, padding, _ := bytes.Cut(g[zmtp.MechanismAt:zmtp.AsServerAt], []byte{0})
	if string(theirs) != mechanism || len(bytes.Trim(padding, "\x00")) > 0 {
		return &Error{Kind: ErrMechanism, Detail: fmt.Sprintf("the peer speaks %q, not %s", theirs, mechanism)}
	}
	return nil
}

// parseHead is zmtp.ParseHead without its error: wherever a head is read here,
// fewer flags are allowed than those that are not reserved, and the refusal of
// any other has a Kind.
func parseHead(b []byte) (h zmtp.Head, n int) {
	h, n, _ = zmtp.ParseHead(b)
	return h, n
}

// receive reads the command name, of at least least and at most most bytes
// with its name. What it returns is valid until the next call.
func (w *wire) receive(name string, least, most int) ([]byte, error) {
	head, n, err := w.in.head()
	if err != nil {
		return nil, err
	}
	if head.Flags&^zmtp.Long != zmtp.Command {
		return nil, malformed("frame flags %#x in the handshake, %s expected", head.Flags, name)
	}
	if head.Size > uint64(most) {
		return nil, &Error{Kind: ErrLimit, Detail: fmt.Sprintf("%s of %d bytes, at most %d", name, head.Size, most)}
	}
	b, err := w.in.need(n + int(head.Size))
	if err != nil {
		return nil, err
	}
	w.in.consume(len(b))
	body := b[n:]
	if reason, ok := errorReason(body); ok {
		return nil, &Error{Kind: ErrRefused, Detail: fmt.Sprintf("reason %q", reason)}
	}
	if got, _, _ := zmtp.SplitCommand(body); string(got) != name {
		return nil, malformed("another command where %s was expected", name)
	}
	if len(body) < least {
		return nil, malformed("%s of %d bytes, at least %d", name, len(body), least)
	}
	return body, nil
}

func (w *wire) send(body []byte) error {
	_, err := w.out.Write(append(zmtp.AppendHead(nil, zmtp.Command, len(body)), body...))
	return err
}

// errorReason returns the reason in an ERROR command (RFC 23).
func errorReason(body []byte) (string, bool) {
	name, data, _ := zmtp.SplitCommand(body)
	if string(name) != "ERROR" {
		return "", false
	}
	reason, rest, ok := zmtp.SplitCommand(data)
	return string(reason), ok && len(rest) == 0
}

// refuse tells the client why, if err is the client's doing. The connection
// ends in any case, so that a failure to tell is no matter.
func (w *wire) refuse(err error) {
	var e *Error
	if errors.As(err, &e) && e.Kind != ErrRefused {
		_ = w.send(zmtp.AppendCommand(nil, "ERROR", zmtp.AppendName(nil, e.Kind.reason())))
	}
}
