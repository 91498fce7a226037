package httpserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rig is a server whose handler says what it has read.
type rig struct {
	t      *testing.T
	server *Server
	addr   string
	ended  chan error
	cancel context.CancelFunc // of the requests
	hold   chan struct{}      // closed to let "/hold" answer
	held   chan struct{}      // tells that a "/hold" has begun
	left   chan struct{}      // tells that the client of a "/hold" has left
}

const patience = 10 * time.Second

func newRig(t *testing.T, change func(*Config)) *rig {
	r := &rig{t: t, ended: make(chan error, 1), hold: make(chan struct{}), held: make(chan struct{}, 8), left: make(chan struct{}, 8)}
	base, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	cfg := Config{
		Handler: http.HandlerFunc(r.handle), Allow: func(_, _ net.Addr) bool { return true }, Timeout: patience,
		Base: base, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.addr, r.server = listener.Addr().String(), New(cfg)
	go func() { r.ended <- r.server.Serve(listener) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, r.server.Close())
		if err, ok := <-r.ended; ok {
			require.ErrorIs(t, err, http.ErrServerClosed)
		}
	})
	return r
}

func (r *rig) handle(w http.ResponseWriter, req *http.Request) {
	switch req.RequestURI {
	case "/hold":
		r.held <- struct{}{}
		select {
		case <-r.hold:
		case <-req.Context().Done():
			r.left <- struct{}{}
		}
	case "/long":
		for range 3 {
			_, _ = w.Write([]byte(strings.Repeat("x", maxGathered)))
		}
		return
	case "/none":
		w.WriteHeader(http.StatusNoContent)
		return
	case "/short", "/more":
		w.Header().Set("Content-Length", "5")
		_, _ = w.Write([]byte(map[string]string{"/short": "1234", "/more": "123456"}[req.RequestURI]))
		return
	case "/panic":
		panic("a fault")
	case "/abort":
		panic(http.ErrAbortHandler)
	case "/ignore":
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(req.Body)
	if errors.Is(err, ErrMalformed) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%s %s %q %q", req.Method, req.RequestURI, body, req.Header.Get("X-Test"))
}

// client is a connection to the server.
type client struct {
	t  *testing.T
	c  *net.TCPConn
	in *bufio.Reader
}

func (r *rig) dial() *client {
	c, err := net.Dial("tcp", r.addr)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	require.NoError(r.t, c.SetDeadline(time.Now().Add(patience)))
	return &client{r.t, c.(*net.TCPConn), bufio.NewReader(c)}
}

func (c *client) send(text string) {
	_, err := io.WriteString(c.c, text)
	require.NoError(c.t, err)
}

func (c *client) read(method string) (*http.Response, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	require.NoError(c.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp, string(body)
}

func (c *client) requireEnd() {
	c.t.Helper()
	rest, err := io.ReadAll(c.in)
	require.Empty(c.t, string(rest))
	require.NotErrorIs(c.t, err, context.DeadlineExceeded)
	if err != nil {
		require.ErrorContains(c.t, err, "reset")
	}
}

func TestRequestsAreAnswered(t *testing.T) {
	r := newRig(t, nil)
	for _, tc := range []struct {
		request, answer string
		stays           bool
	}{
		{"GET / HTTP/1.1\r\n\r\n", `GET / "" ""`, true},
		{"GET /a%zz?%\xff HTTP/1.1\nX-Test:  a: b\t\n\n", `GET /a%zz?%` + "\xff" + ` "" "a: b"`, true},
		{"GET / HTTP/1.9\r\nConnection: CLOSE\r\n\r\n", `GET / "" ""`, false},
		{"GET / HTTP/1.0\r\n\r\n", `GET / "" ""`, false},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", `GET / "" ""`, true},
		{"POST / HTTP/1.1\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\nabc", `POST / "abc" ""`, true},
		{"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n 1 \r\nd\r\n0\r\nTrailer: x\r\n\r\n", `POST / "abcd" ""`, true},
		{"BREW / HTTP/1.1\r\n\r\n", `BREW / "" ""`, true},
		{"POST /ignore HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", ``, true},
		{"POST /ignore HTTP/1.1\r\nContent-Length: 65537\r\n\r\nabc", ``, false},
		{"POST /ignore HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ``, false},
		{"POST /ignore HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", ``, false},
		{"GET /" + strings.Repeat("x", maxHead-len("GET / HTTP/1.1\r")) + " HTTP/1.1\r\n\r\n", `GET /` + strings.Repeat("x", maxHead-len("GET / HTTP/1.1\r")) + ` "" ""`, true},
		{"GET /long HTTP/1.1\r\n\r\n", strings.Repeat("x", 3*maxGathered), true},
		{"GET /long HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", strings.Repeat("x", 3*maxGathered), false},
	} {
		c := r.dial()
		c.send(tc.request)
		resp, body := c.read("GET")
		require.Equal(t, tc.answer, body, "%.100q", tc.request)
		require.Equal(t, tc.stays, !resp.Close, "%.100q", tc.request)
		if tc.stays {
			c.send("GET /again HTTP/1.1\r\n\r\n")
			_, body = c.read("GET")
			require.Equal(t, `GET /again "" ""`, body, "%.100q", tc.request)
		} else {
			require.NoError(t, c.c.CloseWrite())
			c.requireEnd()
		}
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	r := newRig(t, nil)
	field := "X-Test: 1234567\r\n"
	for _, request := range []string{
		"\r\n", "GET / \r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/INVALID\r\n\r\n", "GET / NOTHTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
		"GET / HTTP/1.10\r\n\r\n", "GET / x HTTP/1.1\r\n\r\n", "GET /\x00/x HTTP/1.1\r\n\r\n", "GET /\r/ HTTP/1.1\r\n\r\n", "G / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nNo colon\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\nX : x\r\n\r\n", "GET / HTTP/1.1\r\nX: x\r\n y: z\r\n\r\n",
		"GET / HTTP/1.1\r\nX: \x00\r\n\r\n", "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
		"GET / HTTP/1.1\r\n" + strings.Repeat(field, maxHead/len(field)+1) + "\r\n",
		"GET /" + strings.Repeat("x", maxHead) + " HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc", "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		// and bodies that their handler refuses
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nNo colon\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1", 2*maxHead),
		"POST / HTTP/1.1\r\n" + strings.Repeat(field, 400) + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat(field, 200) + "\r\n",
	} {
		c := r.dial()
		c.send(request)
		require.NoError(t, c.c.CloseWrite())
		resp, body := c.read("GET")
		require.Equal(t, "400 Bad Request", resp.Status, "%.100q", request)
		require.Empty(t, body)
		require.True(t, resp.Close)
		c.requireEnd()
	}
}

func TestAnswersSayWhatTheyAre(t *testing.T) {
	r := newRig(t, nil)
	c := r.dial()
	c.send("GET / HTTP/1.1\r\n\r\n")
	resp, _ := c.read("GET")
	require.Equal(t, "text/html; charset=ISO-8859-1", resp.Header.Get("Content-Type"))
	require.EqualValues(t, 11, resp.ContentLength)
	require.NotEmpty(t, resp.Header.Get("Date"))
	c.send("HEAD /x HTTP/1.1\r\n\r\nHEAD /long HTTP/1.1\r\n\r\nGET /none HTTP/1.1\r\n\r\nGET /long HTTP/1.1\r\n\r\n")
	resp, body := c.read("HEAD")
	require.EqualValues(t, 13, resp.ContentLength)
	require.Empty(t, body)
	_, body = c.read("HEAD")
	require.Empty(t, body)
	resp, _ = c.read("GET")
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Empty(t, resp.Header.Get("Content-Type"))
	resp, body = c.read("GET")
	require.Equal(t, []string{"chunked"}, resp.TransferEncoding)
	require.Len(t, body, 3*maxGathered)
}

// Nobody must take for whole what was not finished.
func TestWhatIsNotFinishedIsCutOff(t *testing.T) {
	r := newRig(t, nil)
	for _, target := range []string{"/short", "/more", "/panic", "/abort"} {
		c := r.dial()
		c.send("GET " + target + " HTTP/1.1\r\n\r\n")
		got, err := io.ReadAll(c.in)
		require.True(t, err != nil || !strings.Contains(string(got), "12345"), "%s: %q", target, got)
	}
}

func TestRequestsOfAConnectionAreAnsweredInTurn(t *testing.T) {
	r := newRig(t, nil)
	c := r.dial()
	c.send("GET /hold HTTP/1.1\r\n\r\nGET /second HTTP/1.1\r\n\r\n" + "GET / HTTP/9.9\r\n\r\n")
	<-r.held
	close(r.hold)
	for _, want := range []string{`GET /hold "" ""`, `GET /second "" ""`, ""} {
		_, body := c.read("GET")
		require.Equal(t, want, body)
	}
	require.NoError(t, c.c.CloseWrite())
	c.requireEnd()
}

// The handler is told, also if the client has asked for more before it left.
func TestAHandlerHearsThatItsClientLeaves(t *testing.T) {
	r := newRig(t, nil)
	for _, request := range []string{
		"GET /hold HTTP/1.1\r\n\r\n", "GET /hold HTTP/1.1\r\n\r\nGET /more HTTP/1.1\r\n\r\n",
	} {
		c := r.dial()
		c.send(request)
		<-r.held
		require.NoError(t, c.c.Close())
		<-r.left
	}
}

func TestAClientIsToldToSendItsBody(t *testing.T) {
	r := newRig(t, nil)
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n")
	line, err := c.in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
	_, err = c.in.ReadString('\n')
	require.NoError(t, err)
	c.send("abc")
	_, body := c.read("POST")
	require.Equal(t, `POST / "abc" ""`, body)
}

// Whoever is slow is hung up on, without an answer; a handler is not.
func TestClientsHaveSomeTime(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.Timeout = 20 * time.Millisecond })
	for _, part := range []string{"", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n"} {
		c := r.dial()
		c.send(part)
		c.requireEnd()
	}
	c := r.dial()
	c.send("GET /hold HTTP/1.1\r\n\r\n")
	<-r.held
	r.dial().requireEnd() // which takes as long as the time of the first
	close(r.hold)
	_, body := c.read("GET")
	require.Equal(t, `GET /hold "" ""`, body)
	c.requireEnd()
}

func TestWhoMayNotConnectIsHungUpOn(t *testing.T) {
	r := newRig(t, func(cfg *Config) {
		cfg.Allow = func(_, remote net.Addr) bool { return !strings.HasPrefix(remote.String(), "127.") }
	})
	r.dial().requireEnd()
}

func TestShutdownWaitsForAnswers(t *testing.T) {
	r := newRig(t, nil)
	idle, busy := r.dial(), r.dial()
	idle.send("GET / HTTP/1.1\r\n\r\n")
	idle.read("GET")
	busy.send("GET /hold HTTP/1.1\r\n\r\n")
	<-r.held
	down := make(chan error, 1)
	go func() { down <- r.server.Shutdown(context.Background()) }()
	idle.requireEnd()
	close(r.hold)
	resp, body := busy.read("GET")
	require.Equal(t, `GET /hold "" ""`, body)
	require.True(t, resp.Close)
	require.NoError(t, <-down)
	require.ErrorIs(t, <-r.ended, http.ErrServerClosed)
	close(r.ended)
	_, err := net.Dial("tcp", r.addr)
	require.Error(t, err)
}

func TestShutdownHasAnEnd(t *testing.T) {
	r := newRig(t, nil)
	c := r.dial()
	c.send("GET /hold HTTP/1.1\r\n\r\n")
	<-r.held
	over, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, r.server.Shutdown(over), context.Canceled)
	r.cancel()
	<-r.left
	require.NoError(t, r.server.Close())
	require.ErrorIs(t, <-r.ended, http.ErrServerClosed)
	close(r.ended)
}
