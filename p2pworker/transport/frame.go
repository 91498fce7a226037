package transport

import (
	"bufio"
	"fmt"
	"io"
)

// decoder is how bytes become messages. One goroutine uses it.
type decoder interface {
	read(r *bufio.Reader) (Message, error)
}

// encoder is how messages become bytes. One goroutine uses it.
type encoder interface {
	// write returns the number of bytes that the message takes on the wire. They
	// may be in the buffer of w still.
	write(w *bufio.Writer, m Message) (int, error)
}

// eagerAlloc is how much of a payload is allocated on the word of a header
// alone. The rest is allocated once this much has really arrived.
const eagerAlloc = 256 << 10

// FrameError says why a message or a handshake could not be read. Its text is the
// one Bitcoin Core logs, without the peer.
type FrameError struct {
	// Text is the reason, e.g. "Header error: Wrong MessageStart ffffffff received".
	Text string
	// Fatal is true when the stream cannot be read any further.
	Fatal bool
	// Size is the number of bytes that a dropped message took on the wire.
	Size int
}

func (e *FrameError) Error() string { return e.Text }

func fatal(format string, args ...any) error {
	return &FrameError{Text: fmt.Sprintf(format, args...), Fatal: true}
}

func dropped(size int, format string, args ...any) error {
	return &FrameError{Text: fmt.Sprintf(format, args...), Size: size}
}

// readPayload reads size bytes, of which memory is taken as they arrive.
func readPayload(r io.Reader, size int) ([]byte, error) {
	if size <= eagerAlloc {
		payload := make([]byte, size)
		_, err := io.ReadFull(r, payload)
		return payload, noEOF(err)
	}
	first := make([]byte, eagerAlloc)
	if _, err := io.ReadFull(r, first); err != nil {
		return nil, noEOF(err)
	}
	payload := make([]byte, size)
	copy(payload, first)
	_, err := io.ReadFull(r, payload[eagerAlloc:])
	return payload, noEOF(err)
}

// noEOF turns a clean end into ErrUnexpectedEOF: inside a message no end is clean.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
