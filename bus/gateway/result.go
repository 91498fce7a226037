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

// errNotJSON ends a result that is not one JSON value.
var errNotJSON = errors.New("a compartment answered something unreadable")

// copyTo passes the result on as it arrives. It fails at the first piece in
// which something else than one JSON value shows; what came before, and that, is
// then written already.
func (r *longResult) copyTo(w io.Writer) error {
	dec := json.NewDecoder(io.TeeReader(r, w))
	dec.UseNumber() // a number may be larger than a float64
	for depth, ended := 0, false; ; {
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF) && ended:
			return nil
		case err != nil:
			return errors.Join(errNotJSON, err)
		case ended:
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
	patience time.Duration // with a client that takes nothing
	gathered []byte
	begun    bool // the header is written
}

// Write passes bytes on to the client, which has some time to take them.
func (r *reply) Write(b []byte) (int, error) {
	if err := http.NewResponseController(r.w).SetWriteDeadline(time.Now().Add(r.patience)); err != nil {
		return 0, err
	}
	return r.w.Write(b)
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
		r.w.Header().Set("Content-Type", "application/json")
		r.w.WriteHeader(r.status)
	}
	_, err := r.Write(r.gathered)
	r.gathered = r.gathered[:0]
	return err
}
