package httpserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func newReader(text []byte) *bufio.Reader {
	return bufio.NewReaderSize(bytes.NewReader(text), maxHead+2)
}

// A head that is understood is the same when it is written and read again.
func FuzzReadHead(f *testing.F) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /%zz HTTP/1.0\nContent-Length: 5\nX:\n\n", "A B HTTP/1.9\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"GET / HTTP/1.1\r\nX : y\r\n\r\n", "GET / HTTP/1.1\r\nX:" + strings.Repeat("y", maxHead) + "\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := readHead(newReader(text))
		if err != nil {
			require.True(t, errors.Is(err, ErrMalformed) || errors.Is(err, io.EOF), "%v", err)
			return
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s %s HTTP/1.%d\r\n", h.method, h.target, h.minor)
		for key, values := range h.header {
			for _, value := range values {
				fmt.Fprintf(&b, "%s:%s\n", key, value)
			}
		}
		b.WriteString("\n")
		again, err := readHead(newReader(b.Bytes()))
		require.NoError(t, err)
		require.Equal(t, h.header, again.header)
		require.Equal(t, []any{h.method, h.target, h.minor}, []any{again.method, again.target, again.minor})
		if n, err := h.bodyLength(); err == nil {
			require.GreaterOrEqual(t, n, int64(chunked))
		}
	})
}

// Chunks that are understood are those that net/http understands.
func FuzzChunks(f *testing.F) {
	for _, text := range []string{"0\r\n\r\n", "3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n", "3\nabc\n0\n\n", "2\r\nabc\r\n0\r\n\r\n", "fffffffffffffff\r\n", "+1\r\na\r\n0\r\n\r\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b := newBody(newReader(text), &head{header: http.Header{}, left: maxHead}, chunked)
		b.before, b.whole = func() error { return nil }, func() {}
		got, err := io.ReadAll(b)
		require.LessOrEqual(t, len(got), len(text))
		if err != nil {
			require.True(t, errors.Is(err, ErrMalformed) || errors.Is(err, io.ErrUnexpectedEOF), "%v", err)
			return
		}
		want, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(text)))
		if err == nil { // it refuses other lines than we do
			require.Equal(t, want, got)
		}
	})
}
