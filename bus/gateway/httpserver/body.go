package httpserver

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

// body is that of one request. It belongs to the goroutine of the handler.
type body struct {
	in   *bufio.Reader
	head *head // for the trailers
	left int64 // bytes that come: of the body or, if it is chunked, of the chunk
	// chunked has no end that is known before.
	chunked bool
	begun   bool // it was read from
	inChunk bool // the end of a chunk comes when left is 0
	err     error
	// before is called before the first byte is read, and whole when there are no more.
	before func() error
	whole  func()
}

func newBody(in *bufio.Reader, head *head, length int64) *body {
	b := &body{in: in, head: head, left: max(length, 0), chunked: length == chunked}
	if length == noBody {
		b.err = io.EOF
	}
	return b
}

// Read fails with ErrMalformed if the chunks are wrong.
func (b *body) Read(p []byte) (int, error) {
	if b.err == nil && !b.begun {
		b.begun = true
		b.err = b.before()
	}
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	n, err := b.read(p)
	if err != nil {
		b.err = err
		if errors.Is(err, io.EOF) {
			b.whole()
		}
	}
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	if b.left == 0 {
		if !b.chunked {
			return 0, io.EOF
		}
		if err := b.nextChunk(); err != nil {
			return 0, err
		}
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, unexpected(err)
}

// nextChunk reads up to the bytes of the next chunk; it returns io.EOF behind the last.
func (b *body) nextChunk() error {
	if b.inChunk {
		switch line, err := readLine(b.in); {
		case err != nil:
			return unexpected(err)
		case line != "":
			return malformed("a chunk is longer than it says")
		}
	}
	line, err := readLine(b.in)
	if err != nil {
		return unexpected(err)
	}
	size, _, _ := strings.Cut(line, ";")
	n, err := strconv.ParseUint(strings.Trim(size, " \t\f\v"), 16, 63)
	if err != nil {
		return malformed("a chunk of %q bytes", size)
	}
	if n == 0 {
		if err := b.head.readFields(b.in, func(string, string) {}); err != nil {
			return unexpected(err)
		}
		return io.EOF
	}
	b.left, b.inChunk = int64(n), true
	return nil
}

// unexpected is an end within a body.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close does nothing: what the handler has left is the server's to read.
func (b *body) Close() error { return nil }

// maxLeftover is how much of a body that nobody wanted is read, to use the connection
// again.
const maxLeftover = 64 << 10

// passable reports whether what is left is little enough, and certain to come.
func (b *body) passable() bool {
	switch {
	case errors.Is(b.err, io.EOF):
		return true
	case b.err != nil, b.chunked:
		return false
	}
	return b.left <= maxLeftover && (b.begun || !b.head.expects())
}

// pass reads what is left.
func (b *body) pass() bool {
	b.before, b.whole = func() error { return nil }, func() {}
	_, err := io.Copy(io.Discard, io.LimitReader(b, maxLeftover+1))
	return err == nil && errors.Is(b.err, io.EOF)
}
