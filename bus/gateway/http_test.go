package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// raw sends bytes, and no more, and returns all that is answered.
func (f *fixture) raw(text string) string {
	f.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	require.NoError(f.t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	require.NoError(f.t, err)
	require.NoError(f.t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(f.t, err)
	return string(answer)
}

func TestWhatIsNoRequestToTheGateway(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	const login = " HTTP/1.1\r\nAuthorization: Basic am9lOnNlY3JldA==\r\n"
	for request, status := range map[string]string{
		"POST /" + login + "Content-Length: 20\r\n\r\n{\"method\":":    "", // it broke off: nobody waits for an answer
		"POST /" + login + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n": "400 Bad Request",
		"POST /" + login + "Transfer-Encoding: chunked\r\n\r\n5\r\nab": "",
		"POST /" + login + "Content-Length: 33554433\r\n\r\n{":         "413 Content too large",
		"POST /?x" + login + "\r\n":                                    "404 Not Found",
		"GET /%zz" + login + "\r\n":                                    "404 Not Found",
		"TRACE /%zz" + login + "\r\n":                                  "405 Method Not Allowed",
		"PUT /" + login + "\r\n":                                       "405 Method Not Allowed",
		"POST / HTTP/1.1\r\nContent-Length: 33554433\r\n\r\n":          "401 Unauthorized",
		"POST / HTTP/9.9\r\n\r\n":                                      "400 Bad Request",
	} {
		answer := f.raw(request)
		if status == "" {
			require.Empty(t, answer, request)
			continue
		}
		require.True(t, strings.HasPrefix(answer, "HTTP/1.1 "+status+"\r\n"), "%s: %s", request, answer)
	}
}

func TestABatchMayBeLong(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	const count = 10_000
	requests := make([]string, count)
	for i := range requests {
		requests[i] = fmt.Sprintf(`{"jsonrpc":"2.0","method":"getblockcount","id":%d}`, i)
	}
	status, text := f.post("/", "["+strings.Join(requests, ",")+"]")
	require.Equal(t, 200, status)
	var answers []struct{ ID, Result int }
	require.NoError(t, json.Unmarshal([]byte(text), &answers))
	require.Len(t, answers, count)
	for i, answer := range answers {
		require.Equal(t, i, answer.ID)
		require.Equal(t, 7, answer.Result)
	}
}
