package secure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ZMTP 3 framing (RFC 23).
const (
	flagMore    = 0x01
	flagLong    = 0x02
	flagCommand = 0x04

	shortHead     = 2
	longHead      = 9
	greetingBytes = 64
	mechanismAt   = 12 // 20 bytes, padded with zeros
	asServerAt    = 32
)

// wire exchanges greetings and handshake commands with the peer.
type wire struct {
	in  *inbox
	out io.Writer
}

// greeting is a ZMTP greeting of version 3.minor.
func greeting(mechanism string, minor byte, asServer bool) []byte {
	g := make([]byte, greetingBytes)
	g[0], g[9], g[10], g[11] = 0xff, 0x7f, 3, minor
	copy(g[mechanismAt:asServerAt], mechanism)
	if asServer {
		g[asServerAt] = 1
	}
	return g
}

// greet exchanges greetings. The peer's is looked at as it arrives: a peer of
// another protocol may be waiting for an answer before it sends 64 bytes. For
// a like reason this side's mechanism comes last: libzmq closes without having
// sent its own when it learns of another, and then nobody knows what it spoke.
func (w *wire) greet(asServer bool) error {
	ours := greeting("CURVE", 1, asServer)
	if _, err := w.out.Write(ours[:mechanismAt]); err != nil {
		return err
	}
	for _, n := range []int{1, 10, 11, mechanismAt} {
		if err := w.needGreeting(n); err != nil {
			return err
		}
	}
	// A client does not wait for more, or two peers of this kind would wait
	// for each other.
	if !asServer {
		if _, err := w.out.Write(ours[mechanismAt:]); err != nil {
			return err
		}
		return w.finishGreeting(false)
	}
	err := w.finishGreeting(true)
	if _, failed := w.out.Write(ours[mechanismAt:]); err == nil {
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
	if err := w.needGreeting(greetingBytes); err != nil {
		return err
	}
	// libzmq's server leaves as-server unset, so its absence tells nothing.
	if g := w.in.peek(); asServer && g[asServerAt] == 1 {
		return &Error{Kind: ErrMechanism, Detail: "both sides are servers"}
	}
	w.in.consume(greetingBytes)
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
	if len(g) < greetingBytes {
		return nil
	}
	theirs, padding, _ := bytes.Cut(g[mechanismAt:asServerAt], []byte{0})
	if string(theirs) != mechanism || len(bytes.Trim(padding, "\x00")) > 0 {
		return &Error{Kind: ErrMechanism, Detail: fmt.Sprintf("the peer speaks %q, not %s", theirs, mechanism)}
	}
	return nil
}

// parseHead reads a frame's flags, size and length of head from b. A head of
// 0 bytes tells that want bytes are needed first.
func parseHead(b []byte) (flags byte, size uint64, head, want int) {
	switch {
	case len(b) < shortHead:
		return 0, 0, 0, shortHead
	case b[0]&flagLong == 0:
		return b[0], uint64(b[1]), shortHead, 0
	case len(b) < longHead:
		return 0, 0, 0, longHead
	}
	return b[0], binary.BigEndian.Uint64(b[1:]), longHead, 0
}

func appendHead(b []byte, flags byte, size int) []byte {
	if size <= 255 {
		return append(b, flags, byte(size))
	}
	return binary.BigEndian.AppendUint64(append(b, flags|flagLong), uint64(size))
}

// receive reads the command name, of at least least and at most most bytes
// with its name. What it returns is valid until the next call.
func (w *wire) receive(name string, least, most int) ([]byte, error) {
	var flags byte
	var size uint64
	head, want := 0, shortHead
	for head == 0 {
		b, err := w.in.need(want)
		if err != nil {
			return nil, err
		}
		flags, size, head, want = parseHead(b)
	}
	if flags&^flagLong != flagCommand {
		return nil, malformed("frame flags %#x in the handshake, %s expected", flags, name)
	}
	if size > uint64(most) {
		return nil, &Error{Kind: ErrLimit, Detail: fmt.Sprintf("%s of %d bytes, at most %d", name, size, most)}
	}
	b, err := w.in.need(head + int(size))
	if err != nil {
		return nil, err
	}
	w.in.consume(len(b))
	body := b[head:]
	if reason, ok := errorReason(body); ok {
		return nil, &Error{Kind: ErrRefused, Detail: fmt.Sprintf("reason %q", reason)}
	}
	if !bytes.HasPrefix(body, commandName(name)) {
		return nil, malformed("another command where %s was expected", name)
	}
	if len(body) < least {
		return nil, malformed("%s of %d bytes, at least %d", name, len(body), least)
	}
	return body, nil
}

// commandName is the name as it opens a command's body: its length, its text.
func commandName(name string) []byte { return append([]byte{byte(len(name))}, name...) }

func (w *wire) send(body []byte) error {
	_, err := w.out.Write(append(appendHead(nil, flagCommand, len(body)), body...))
	return err
}

// errorReason returns the reason in an ERROR command (RFC 23).
func errorReason(body []byte) (string, bool) {
	text, ok := bytes.CutPrefix(body, commandName("ERROR"))
	if !ok || len(text) == 0 || len(text) != 1+int(text[0]) {
		return "", false
	}
	return string(text[1:]), true
}

// refuse tells the client why, if err is the client's doing. The connection
// ends in any case, so that a failure to tell is no matter.
func (w *wire) refuse(err error) {
	var e *Error
	if errors.As(err, &e) && e.Kind != ErrRefused {
		_ = w.send(append(commandName("ERROR"), commandName(e.Kind.reason())...))
	}
}
