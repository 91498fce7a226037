package secure

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"golang.org/x/crypto/nacl/secretbox"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// flushBytes bounds what gathers for one outward write.
const flushBytes = 1 << 20

// phase is what the inner side writes next.
type phase int

const (
	inGreeting phase = iota
	inReady
	inTraffic
)

// writer turns the inner side's frames into MESSAGE commands.
type writer struct {
	dst        io.Writer
	maxFrame   int
	socketType string
	key        *[keyBytes]byte
	nonce      nonce
	sent       uint64

	phase phase
	head  [zmtp.LongHead]byte // of the frame under way
	heads int                 // bytes of it that are there
	open  bool                // the head is complete
	flags byte
	need  int    // bytes of the payload that are missing
	plain []byte // flags and payload so far
	store scratch
	out   []byte
	sink  scratch
	// filled is the most that out held in this call.
	filled int
	err    error
}

func (w *writer) start(s *session) {
	w.key, w.sent = s.key, s.sent
	copy(w.nonce[:], s.sendPrefix)
}

func (w *writer) end(err error) {
	if w.err == nil {
		w.err = err
	}
}

// write takes the buffers as one stream and returns their length.
func (w *writer) write(buffers ...[]byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.out = w.sink.take(0)
	total := 0
	for _, p := range buffers {
		total += len(p)
		for len(p) > 0 && w.err == nil {
			var n int
			n, w.err = w.absorb(p)
			p = p[n:]
			if w.err == nil && len(w.out) >= flushBytes {
				w.err = w.flush()
			}
		}
	}
	if w.err == nil {
		w.err = w.flush()
	}
	w.sink.buf = w.out[:0]
	w.sink.trim(w.filled)
	w.filled = 0
	if w.err != nil {
		return 0, w.err
	}
	return total, nil
}

func (w *writer) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	w.filled = max(w.filled, len(w.out))
	_, err := w.dst.Write(w.out)
	w.out = w.out[:0]
	return err
}

// absorb takes the next piece of p, at least a byte and at most to the end of
// a frame.
func (w *writer) absorb(p []byte) (n int, err error) {
	if !w.open {
		if n, err = w.absorbHead(p); err != nil || !w.open {
			return n, err
		}
	}
	take := min(w.need, len(p)-n)
	w.plain = append(w.plain, p[n:n+take]...)
	w.need -= take
	if w.need == 0 {
		err = w.finish()
	}
	return n + take, err
}

// absorbHead opens the frame when its head is complete. The greeting counts
// as a frame with no head.
func (w *writer) absorbHead(p []byte) (int, error) {
	if w.phase == inGreeting {
		w.begin(0, zmtp.GreetingSize)
		return 0, nil
	}
	for n, b := range p {
		w.head[w.heads] = b
		w.heads++
		head, whole := parseHead(w.head[:w.heads])
		if whole > w.heads {
			continue
		}
		if err := w.checkFrame(head); err != nil {
			return n + 1, err
		}
		w.begin(head.Flags&^zmtp.Long, int(head.Size))
		return n + 1, nil
	}
	return len(p), nil
}

func (w *writer) checkFrame(head zmtp.Head) error {
	limit := w.maxFrame
	if w.phase == inReady {
		limit = maxInnerReady
	}
	if head.Size > uint64(limit) {
		return &Error{Kind: ErrLimit, Detail: fmt.Sprintf("a frame of %d bytes from the inner side, at most %d", head.Size, limit)}
	}
	if head.Flags&^(zmtp.More|zmtp.Long|zmtp.Command) != 0 || head.More() && head.Command() {
		return &Error{Kind: ErrConfig, Detail: fmt.Sprintf("frame flags %#x from the inner side", head.Flags)}
	}
	return nil
}

func (w *writer) begin(flags byte, size int) {
	w.open, w.heads, w.flags, w.need = true, 0, flags, size
	w.plain = append(w.store.take(1+size), flags&zmtp.More|flags&zmtp.Command>>1)
}

// finish deals with the frame that is complete.
func (w *writer) finish() error {
	w.open = false
	switch w.phase {
	case inGreeting:
		w.phase = inReady
		return checkInnerGreeting(w.plain[1:])
	case inReady:
		w.phase = inTraffic
		return checkInnerReady(w.flags, w.plain[1:], w.socketType)
	}
	return w.seal()
}

// seal appends the frame's MESSAGE to out. It leaves without the flag of a
// command, as libzmq's does.
func (w *writer) seal() error {
	if w.sent == math.MaxUint64 {
		return &Error{Kind: ErrNonce, Detail: "all numbers are used up"}
	}
	w.sent++
	binary.BigEndian.PutUint64(w.nonce[len(w.nonce)-nonceBytes:], w.sent)
	size := messageHead + boxBytes + len(w.plain)
	w.out = slices.Grow(w.out, zmtp.LongHead+size)
	w.out = zmtp.AppendHead(w.out, 0, size)
	w.out = append(w.out, "\x07MESSAGE"...)
	w.out = append(w.out, w.nonce[len(w.nonce)-nonceBytes:]...)
	w.out = secretbox.Seal(w.out, w.plain, &w.nonce, w.key)
	w.store.trim(len(w.plain))
	return nil
}
