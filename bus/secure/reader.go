package secure

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// Flags inside a MESSAGE (RFC 26; bit 1 as libzmq uses it for ZMTP 3.1).
const (
	innerMore    = 0x01
	innerCommand = 0x02
)

// reader turns the peer's MESSAGE commands into the frames they hold.
type reader struct {
	*inbox
	maxFrame int
	key      *[keyBytes]byte
	nonce    nonce
	received uint64
	pending  []byte // decrypted and not yet read
	plain    scratch
	err      error // ends all reading once pending is empty
}

// start begins with opening, which the inner side reads first.
func (r *reader) start(s *session, opening []byte) {
	r.key, r.received, r.pending = s.key, s.received, opening
	copy(r.nonce[:], s.recvPrefix)
}

// end makes all further reading fail with err and drops what was decrypted.
func (r *reader) end(err error) {
	if r.err == nil {
		r.err = err
	}
	r.pending = nil
}

func (r *reader) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	for r.err == nil && len(r.pending) == 0 {
		body, total, err := r.frame(n == 0)
		if err == nil && total == 0 {
			return n, nil // the next frame is not here yet
		}
		if err == nil && n > 0 && frameRoom(len(body)) > len(p)-n {
			return n, nil // it is here and does not fit
		}
		if err == nil {
			var got int
			got, err = r.deliver(p[n:], body)
			n += got
		}
		if err != nil {
			if !transient(err) {
				r.err = err
			} else if n == 0 {
				return 0, err
			}
			break
		}
		r.consume(total)
	}
	if n > 0 {
		return n, nil
	}
	return 0, r.err
}

// frame returns the body of the next MESSAGE and the length of its frame.
// Unless it may wait, the length is 0 when the frame is not here yet.
func (r *reader) frame(wait bool) (body []byte, total int, err error) {
	head, n := parseHead(r.peek())
	if n > len(r.peek()) {
		if !wait {
			return nil, 0, nil
		}
		if head, n, err = r.head(); err != nil {
			return nil, 0, err
		}
	}
	if err := r.checkHead(head); err != nil {
		return nil, 0, err
	}
	total = n + int(head.Size)
	if !wait && len(r.peek()) < total {
		return nil, 0, nil
	}
	b, err := r.need(total)
	if err != nil {
		return nil, 0, err
	}
	return b[n:], total, nil
}

// checkHead refuses a frame before memory is reserved for it. libzmq sends
// MESSAGE without the flag of a command; both ways are accepted.
func (r *reader) checkHead(head zmtp.Head) error {
	switch {
	case head.Flags&^(zmtp.Long|zmtp.Command) != 0:
		return malformed("frame flags %#x around a MESSAGE", head.Flags)
	case head.Size < messageMore:
		return malformed("MESSAGE of %d bytes, at least %d", head.Size, messageMore)
	case head.Size > uint64(r.maxFrame)+messageMore:
		return &Error{Kind: ErrLimit, Detail: fmt.Sprintf("MESSAGE of %d bytes, at most %d", head.Size, r.maxFrame+messageMore)}
	}
	return nil
}

// frameRoom is how much room deliver needs for a MESSAGE of size bytes.
func frameRoom(size int) int { return zmtp.LongHead + size - messageMore }

// deliver decrypts body into p if it fits there, else into memory of its own
// from which it copies the beginning.
func (r *reader) deliver(p, body []byte) (int, error) {
	room := frameRoom(len(body))
	r.plain.trim(room)
	if room <= len(p) {
		frame, err := r.open(p, body)
		return len(frame), err
	}
	own := r.plain.take(room)
	frame, err := r.open(own[:room], body)
	if err != nil {
		return 0, err
	}
	n := copy(p, frame)
	r.pending = frame[n:]
	return n, nil
}

// open decrypts body as a ZMTP frame to the beginning of dst. The flags that
// precede the payload land on the last byte of the head and are overwritten.
func (r *reader) open(dst, body []byte) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte("\x07MESSAGE")) {
		return nil, malformed("another command where MESSAGE was expected")
	}
	number := binary.BigEndian.Uint64(body[messageHead-nonceBytes:])
	if number <= r.received {
		return nil, &Error{Kind: ErrNonce, Detail: fmt.Sprintf("MESSAGE %d after %d", number, r.received)}
	}
	size := len(body) - messageMore
	head := zmtp.HeadSize(size)
	binary.BigEndian.PutUint64(r.nonce[len(r.nonce)-nonceBytes:], number)
	if _, ok := secretbox.Open(dst[head-1:head-1], body[messageHead:], &r.nonce, r.key); !ok {
		return nil, &Error{Kind: ErrForged, Detail: fmt.Sprintf("the box of MESSAGE %d does not open", number)}
	}
	r.received = number
	flags := dst[head-1]
	if flags&^(innerMore|innerCommand) != 0 || flags == innerMore|innerCommand {
		return nil, malformed("flags %#x inside a MESSAGE", flags)
	}
	zmtp.AppendHead(dst[:0], flags&innerMore|flags&innerCommand<<1, size)
	return dst[:head+size], nil
}
