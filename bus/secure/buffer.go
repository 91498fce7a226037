package secure

import (
	"io"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

const (
	// shakeBytes is enough for any handshake command, so that a stranger who
	// only connects costs this and no more.
	shakeBytes = 2 << 10
	// bufferBytes is what a busy connection reads into. More is only for
	// frames that are larger.
	bufferBytes = 64 << 10
	// moveBytes may always be moved to the front, so that a read has the
	// whole buffer for what follows.
	moveBytes = 4 << 10
	// calmUses uses in a row that needed little of some memory give it back:
	// a stream of large frames reuses it, an idle connection does not hold it.
	calmUses = 16
)

// inbox buffers what arrives from outside.
//
// Invariant: buf[start:end] is what has arrived and was not consumed.
type inbox struct {
	src        io.Reader
	buf        []byte
	start, end int
	calm       int
}

func newInbox(src io.Reader) *inbox { return &inbox{src: src, buf: make([]byte, shakeBytes)} }

// peek returns what has arrived, without waiting.
func (b *inbox) peek() []byte { return b.buf[b.start:b.end] }

// need waits until n bytes are there and returns exactly them, unconsumed and
// valid until the next call. The buffer grows by doubling when it has been
// filled, so that it holds at most twice what the peer has really sent.
func (b *inbox) need(n int) ([]byte, error) {
	for b.end-b.start < n {
		b.makeRoom(n)
		got, err := b.src.Read(b.buf[b.end:])
		b.end += got
		b.adapt()
		if err != nil && b.end-b.start < n {
			if err == io.EOF && b.end > b.start {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b.buf[b.start : b.start+n], nil
}

// head waits for the next frame's head and returns it, unconsumed, and its
// length.
func (b *inbox) head() (h zmtp.Head, n int, err error) {
	for n = zmtp.ShortHead; ; {
		got, err := b.need(n)
		if err != nil {
			return h, 0, err
		}
		if h, n = parseHead(got); n <= len(got) {
			return h, n, nil
		}
	}
}

// makeRoom leaves room for at least one more byte of the n that are needed.
func (b *inbox) makeRoom(n int) {
	if left := b.end - b.start; b.start > 0 && (left <= moveBytes || b.start+n > len(b.buf)) {
		b.end = copy(b.buf, b.buf[b.start:b.end])
		b.start = 0
	}
	if b.end == len(b.buf) {
		b.resize(min(2*len(b.buf), max(n, bufferBytes)))
	}
}

// adapt follows what reads bring: a small buffer that was filled grows to
// bufferBytes, one that stayed three quarters empty for long is halved.
func (b *inbox) adapt() {
	size := len(b.buf)
	switch {
	case b.end == size && size < bufferBytes:
		b.resize(2 * size)
	case b.end-b.start > size/4 || size == shakeBytes:
		b.calm = 0
	case b.calm < calmUses:
		b.calm++
	default:
		b.resize(max(size/2, shakeBytes))
	}
}

func (b *inbox) resize(n int) {
	buf := make([]byte, n)
	b.end = copy(buf, b.buf[b.start:b.end])
	b.start = 0
	b.buf, b.calm = buf, 0
}

// consume drops the first n bytes.
func (b *inbox) consume(n int) { b.start += n }

// scratch is memory that is used again and again, and given back when it is
// large and has not been needed for a while.
type scratch struct {
	buf  []byte
	calm int
}

// take returns the memory, empty, with room for n bytes.
func (s *scratch) take(n int) []byte {
	if cap(s.buf) < n {
		s.buf = make([]byte, 0, max(n, 1<<10))
	}
	return s.buf[:0]
}

// trim tells that used bytes of the memory were needed this time.
func (s *scratch) trim(used int) {
	if used > bufferBytes {
		s.calm = 0
		return
	}
	s.calm++
	if s.calm >= calmUses && cap(s.buf) > bufferBytes {
		s.buf = nil
	}
}
