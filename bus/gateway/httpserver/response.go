package httpserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxGathered is how much of an answer is kept to tell its length, if its handler does not.
const maxGathered = 4096

// defaultType is what Bitcoin Core says of an answer without a type.
const defaultType = "text/html; charset=ISO-8859-1"

// reason is the phrase behind a status.
func reason(status int) string {
	if status == http.StatusRequestEntityTooLarge {
		return "Content too large"
	}
	return http.StatusText(status)
}

var (
	errTooMuch   = errors.New("an answer is longer than it says")
	errTooLittle = errors.New("an answer is shorter than it says")
)

// response is the answer to one request. It belongs to the goroutine of the handler.
type response struct {
	conn   *conn
	out    *bufio.Writer
	head   *head
	body   *body
	header http.Header

	status   int    // 0 before it is chosen
	gathered []byte // before the head is written
	begun    bool   // the head is written
	chunked  bool
	left     int64 // of a body of which the length was told
	told     bool
	silent   bool // the answer has no body
	keep     bool // the connection is used again
	err      error
}

func newResponse(c *conn, h *head, b *body) *response {
	return &response{conn: c, out: c.out, head: h, body: b, header: http.Header{}, keep: h.keepsAlive()}
}

// Header returns the headers of the answer, which count until its first byte is written.
func (r *response) Header() http.Header { return r.header }

// WriteHeader chooses the status. Only the first one counts.
func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// SetReadDeadline bounds the time for the body.
func (r *response) SetReadDeadline(at time.Time) error { return r.conn.raw.SetReadDeadline(at) }

// SetWriteDeadline bounds the time that the client takes for the answer.
func (r *response) SetWriteDeadline(at time.Time) error { return r.conn.raw.SetWriteDeadline(at) }

// Write writes bytes of the answer.
func (r *response) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if !r.begun {
		if r.header.Get("Content-Length") == "" && len(r.gathered)+len(p) <= maxGathered {
			r.gathered = append(r.gathered, p...)
			return len(p), nil
		}
		r.begin(-1)
	}
	return r.write(p)
}

func (r *response) write(p []byte) (int, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.told && int64(len(p)) > r.left:
		r.err = errTooMuch
		return 0, r.err
	case len(p) == 0:
		return 0, nil
	}
	r.left -= int64(len(p))
	if r.silent {
		return len(p), nil
	}
	if r.chunked {
		fmt.Fprintf(r.out, "%x\r\n", len(p))
	}
	n, err := r.out.Write(p)
	if r.chunked {
		_, err = io.WriteString(r.out, "\r\n")
	}
	r.err = err
	return n, err
}

// begin writes the head and what was gathered. length is that of the body, -1 if only
// the handler knows.
func (r *response) begin(length int64) {
	r.begun = true
	if text := r.header.Get("Content-Length"); text != "" {
		var err error
		if length, err = strconv.ParseInt(text, 10, 63); err != nil {
			r.err = err
			return
		}
	}
	bodiless := r.status == http.StatusNoContent || r.status == http.StatusNotModified || r.status < 200
	r.silent = bodiless || r.head.method == http.MethodHead
	r.keep = r.keep && r.body.passable() && !r.conn.server.isClosing()
	switch {
	case bodiless:
		r.header.Del("Content-Length")
	case length >= 0:
		r.told, r.left = true, length
		r.header.Set("Content-Length", strconv.FormatInt(length, 10))
	case r.head.minor > 0:
		r.chunked = !r.silent
		r.header.Set("Transfer-Encoding", "chunked")
	default:
		r.keep = false // the end of the connection is that of the body
	}
	if r.header.Get("Content-Type") == "" && !bodiless {
		r.header.Set("Content-Type", defaultType)
	}
	r.writeHead()
	gathered := r.gathered
	r.gathered = nil
	// An error stays.
	_, _ = r.write(gathered)
}

func (r *response) writeHead() {
	if r.head.minor > 0 {
		r.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	switch {
	case !r.keep:
		r.header.Set("Connection", "close")
	case r.head.minor == 0:
		r.header.Set("Connection", "keep-alive")
	}
	fmt.Fprintf(r.out, "HTTP/1.%d %d %s\r\n", r.head.minor, r.status, reason(r.status))
	// An error of the buffer stays, and is that of the next write.
	_ = r.header.Write(r.out)
	_, _ = io.WriteString(r.out, "\r\n")
}

// finish writes what is left of the answer. It fails if the client cannot have got the
// whole of it.
func (r *response) finish(patience time.Duration) error {
	r.WriteHeader(http.StatusOK)
	if err := r.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if !r.begun {
		r.begin(int64(len(r.gathered)))
	}
	switch {
	case r.err != nil:
		return r.err
	case r.told && !r.silent && r.left > 0:
		return errTooLittle
	case r.chunked:
		_, _ = io.WriteString(r.out, "0\r\n\r\n")
	}
	return r.out.Flush()
}
