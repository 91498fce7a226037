package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// result is the JSON that a command returned: whole, or, if it is longer than a
// piece, rest to be read as it arrives. A result without either is null.
type result struct {
	whole json.RawMessage
	rest  *longResult
}

// longResult is one that its compartment is still sending. It holds as little
// of it as the client has not taken yet, and so does its compartment's link.
type longResult struct {
	*rpc.Answer
	over func()
}

// Close gives up what was not read.
func (r *longResult) Close() {
	r.Answer.Close()
	r.over()
}

// errNotJSON ends a result that is not one JSON value, or not one that a command
// would return.
var errNotJSON = errors.New("a compartment answered something unreadable")

// Bounds of what must be kept of a result while it passes.
const (
	maxToken = 64 << 20 // bytes of a string; the hexadecimal of a block has 8 MB
	maxDepth = 1000
)

// tokenReader reads some bytes more until it is told that a token has ended.
type tokenReader struct {
	io.Reader
	left int
}

func (r *tokenReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errNotJSON
	}
	n, err := r.Reader.Read(p)
	r.left -= n
	return n, err
}

// copyTo passes the result on as it arrives. It fails at the first piece in
// which something else than one JSON value shows; what came before, and that, is
// then written already.
func (r *longResult) copyTo(w io.Writer) error {
	in := &tokenReader{Reader: io.TeeReader(r, w)}
	dec := json.NewDecoder(in)
	dec.UseNumber() // a number may be larger than a float64
	for depth, ended := 0, false; ; {
		in.left = maxToken
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF) && ended:
			return nil
		case err != nil:
			return errors.Join(errNotJSON, err)
		case ended, depth > maxDepth:
			return errNotJSON
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		ended = depth == 0
	}
}

// reply is the body of an HTTP response. While all results are whole, it is
// gathered, so that its length can be told; a long one is written as it arrives.
type reply struct {
	w        http.ResponseWriter
	status   int
	kind     string        // for the header Content-Type
	patience time.Duration // with a client that takes nothing
	gathered []byte
	begun    bool // the header is written
}

// writeBytes is how much a client must take within its time.
const writeBytes = 1 << 20

// Write passes bytes on to the client, which has some time to take each
// writeBytes of them.
func (r *reply) Write(b []byte) (written int, err error) {
	deadline := http.NewResponseController(r.w)
	for written < len(b) && err == nil {
		if err := deadline.SetWriteDeadline(time.Now().Add(r.patience)); err != nil {
			return written, err
		}
		var n int
		n, err = r.w.Write(b[written:min(written+writeBytes, len(b))])
		written += n
	}
	return written, err
}

// add appends an answer.
func (r *reply) add(a *answer) error {
	head, tail, err := a.around()
	if err != nil {
		return err
	}
	r.gathered = append(r.gathered, head...)
	if a.err == nil && a.result.rest != nil {
		if err := r.stream(a.result.rest); err != nil {
			return err
		}
	} else if a.err == nil {
		r.gathered = append(r.gathered, orNull(a.result.whole)...)
	}
	r.gathered = append(r.gathered, tail...)
	return nil
}

func orNull(whole json.RawMessage) json.RawMessage {
	if whole == nil {
		return json.RawMessage("null")
	}
	return whole
}

// stream writes what was gathered, and then a long result.
func (r *reply) stream(rest *longResult) error {
	if err := r.flush(); err != nil {
		return err
	}
	return rest.copyTo(r)
}

func (r *reply) flush() error {
	if !r.begun {
		r.begun = true
		r.w.Header().Set("Content-Type", r.kind)
		r.w.WriteHeader(r.status)
	}
	_, err := r.Write(r.gathered)
	r.gathered = r.gathered[:0]
	return err
}
