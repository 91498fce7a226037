package httpserver

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// maxHead bounds the request line, each line of the headers, and all headers with the
// trailers of a chunked body together.
const maxHead = 8192

// minRequestLine is the length of the shortest request line.
const minRequestLine = len("GET / HTTP/1.0")

// ErrMalformed is a request that is none.
var ErrMalformed = errors.New("malformed request")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// head is a request up to its body.
type head struct {
	method, target string
	minor          int // of the version, 1.minor
	header         http.Header
	left           int // bytes that trailers may still have
}

// readLine reads a line without its end. in has room for the longest one.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", malformed("a line is too long")
	case err != nil:
		return "", err
	}
	line = line[:len(line)-1]
	if len(line) > maxHead {
		return "", malformed("a line is too long")
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return string(line), nil
}

func readHead(in *bufio.Reader) (*head, error) {
	line, err := readLine(in)
	if err != nil {
		return nil, err
	}
	h := &head{header: http.Header{}, left: maxHead}
	if err := h.parseRequestLine(line); err != nil {
		return nil, err
	}
	if err := h.readFields(in, func(key, value string) { h.header[key] = append(h.header[key], value) }); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *head) parseRequestLine(line string) error {
	words := strings.Split(line, " ")
	switch {
	case len(line) < minRequestLine, len(words) != 3:
		return malformed("a request line of %d words", len(words))
	case strings.ContainsAny(line, "\x00\r"):
		return malformed("a control character in the request line")
	}
	h.method, h.target = words[0], words[1]
	version, ok := strings.CutPrefix(words[2], "HTTP/1.")
	if !ok || len(version) != 1 || version[0] < '0' || version[0] > '9' {
		return malformed("version %q", words[2])
	}
	h.minor = int(version[0] - '0')
	return nil
}

// readFields reads headers, or trailers, up to the empty line.
func (h *head) readFields(in *bufio.Reader, add func(key, value string)) error {
	for {
		line, err := readLine(in)
		if err != nil {
			return err
		}
		if h.left -= len(line) + len("\r\n"); h.left < 0 {
			return malformed("the headers are too long")
		}
		if line == "" {
			return nil
		}
		key, value, ok := strings.Cut(line, ":")
		switch {
		case strings.ContainsAny(line, "\x00\r"):
			return malformed("a control character in a header")
		case !ok, key == "", strings.ContainsAny(key, " \t\f\v"):
			return malformed("header %q", line)
		}
		add(textproto.CanonicalMIMEHeaderKey(key), strings.Trim(value, " \t\f\v"))
	}
}

// chunked stands for a body in chunks, and noBody for none.
const (
	chunked = -1
	noBody  = 0
)

// bodyLength says how long the body is. Chunks count for more than a length (RFC 9112,
// section 6.3).
func (h *head) bodyLength() (int64, error) {
	switch codings := h.header["Transfer-Encoding"]; {
	case len(codings) == 1 && strings.EqualFold(codings[0], "chunked"):
		return chunked, nil
	case len(codings) > 0:
		return 0, malformed("transfer coding %q", codings)
	}
	lengths := h.header["Content-Length"]
	if len(lengths) == 0 {
		return noBody, nil
	}
	for _, other := range lengths[1:] {
		if other != lengths[0] {
			return 0, malformed("two lengths of the body")
		}
	}
	n, err := strconv.ParseUint(lengths[0], 10, 63)
	if err != nil {
		return 0, malformed("length %q of the body", lengths[0])
	}
	return int64(n), nil
}

// keepsAlive reports whether the client wants to use the connection again.
func (h *head) keepsAlive() bool {
	wish := h.header.Get("Connection")
	if h.minor == 0 {
		return strings.EqualFold(wish, "keep-alive")
	}
	return !strings.EqualFold(wish, "close")
}

// expects reports whether the client waits for a word before it sends the body.
func (h *head) expects() bool {
	return h.minor > 0 && strings.EqualFold(h.header.Get("Expect"), "100-continue")
}
