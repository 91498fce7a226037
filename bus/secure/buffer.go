package secure

import "io"

const (
	// shakeBytes is enough for any handshake command, so that a stranger who
	// only connects costs this and no more.
	shakeBytes = 2 << 10
	// bufferBytes is what a busy connection keeps for reading.
	bufferBytes = 64 << 10
	// moveBytes may always be moved to the front, so that a read has the
	// whole buffer for what follows.
	moveBytes = 4 << 10
	// calmFrames small frames in a row give a large buffer's memory back: a
	// stream of large frames reuses it, an idle connection does not hold it.
	calmFrames = 16
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
		if b.end == len(b.buf) && b.end < bufferBytes {
			b.resize(2 * len(b.buf)) // the peer has more than fits
		}
		if err != nil && b.end-b.start < n {
			if err == io.EOF && b.end > b.start {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b.buf[b.start : b.start+n], nil
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

func (b *inbox) resize(n int) {
	buf := make([]byte, n)
	b.end = copy(buf, b.buf[b.start:b.end])
	b.start = 0
	b.buf = buf
}

// consume drops the first n bytes, which were a whole frame.
func (b *inbox) consume(n int) {
	b.start += n
	if n > bufferBytes {
		b.calm = 0
		return
	}
	b.calm++
	if b.calm >= calmFrames && len(b.buf) > bufferBytes && b.end-b.start <= bufferBytes {
		b.resize(bufferBytes)
	}
}

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

// settle tells that used bytes of the memory were needed this time.
func (s *scratch) settle(used int) {
	if used > bufferBytes {
		s.calm = 0
		return
	}
	s.calm++
	if s.calm >= calmFrames && cap(s.buf) > bufferBytes {
		s.buf = nil
	}
}
