package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

const (
	// maxReply bounds a reply: the longest of a node, a whole mempool in detail, is a
	// fraction of it.
	maxReply = 1 << 30
	// maxReplyHeader bounds its header.
	maxReplyHeader = 64 << 10
	// maxCookie bounds what is read of a cookie file, which may be another file.
	maxCookie = 4 << 10
)

// connectionError means that the node was not reached, or is not ready: -rpcwait tries
// again.
type connectionError struct{ text string }

func (e *connectionError) Error() string { return e.text }

// target is where the node is.
type target struct {
	network, address string // as for net.Dial
	host             string // for the request's header
	shown            string
}

// unixPrefix is that of a unix socket in -rpcconnect.
const unixPrefix = "unix:"

// target finds the node: the port of -rpcport wins over one in -rpcconnect.
func (c *client) target() (target, error) {
	connect := c.settings.Text("rpcconnect", "127.0.0.1")
	if path, unix := strings.CutPrefix(connect, unixPrefix); unix {
		if !filepath.IsAbs(path) {
			path = filepath.Join(c.layout.Net, path)
		}
		return target{network: "unix", address: path, host: "localhost", shown: unixPrefix + path}, nil
	}
	host, named, ok := splitHostPort(connect)
	if !ok {
		return target{}, config.Complain("Invalid port provided in -rpcconnect: %s", connect)
	}
	port := uint64(c.layout.Chain.RPCPort)
	if named != 0 {
		port = named
	}
	if c.settings.Has("rpcport") {
		text := c.settings.Text("rpcport", "")
		given, err := strconv.ParseUint(text, 10, 16)
		if err != nil || given == 0 {
			return target{}, config.Complain("Invalid port provided in -rpcport: %s", text)
		}
		if port = given; named != 0 {
			fmt.Fprintf(c.cfg.Stderr, "Warning: Port specified in both -rpcconnect and -rpcport. Using -rpcport %d\n", port)
		}
	}
	digits := strconv.FormatUint(port, 10)
	address := net.JoinHostPort(host, digits)
	return target{network: "tcp", address: address, host: address, shown: host + ":" + digits}, nil
}

// splitHostPort reads HOST, HOST:PORT, [HOST] or [HOST]:PORT; colons in an IPv6 address
// without brackets are its own. Without a port it is zero, and one that is given must
// not be.
func splitHostPort(text string) (host string, port uint64, ok bool) {
	ok = true
	i := strings.LastIndexByte(text, ':')
	bracketed := i > 0 && text[0] == '[' && text[i-1] == ']'
	if i >= 0 && (bracketed || strings.IndexByte(text, ':') == i) {
		var err error
		port, err = strconv.ParseUint(text[i+1:], 10, 16)
		ok = err == nil && port != 0
		text = text[:i]
	}
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		text = text[1 : len(text)-1]
	}
	return text, port, ok
}

// credentials returns USER:PASSWORD, and what is to be said if the node does not take
// them.
func (c *client) credentials() (secret, hint string) {
	password := c.settings.Text("rpcpassword", "")
	if c.password != nil {
		password = *c.password
	}
	if password != "" {
		return c.settings.Text("rpcuser", "") + ":" + password, "Incorrect rpcuser or rpcpassword were specified."
	}
	if c.settings.Negated("rpccookiefile") {
		return "", "Cookie file was disabled via -norpccookiefile and no rpcpassword was specified."
	}
	cookie, err := readCookie(c.layout.Cookie)
	if err != nil {
		return "", "Failed to read cookie file and no rpcpassword was specified."
	}
	return cookie, "Cookie file credentials were invalid and no rpcpassword was specified."
}

// readCookie returns the first line of a file.
func readCookie(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxCookie))
	line, _, _ := strings.Cut(string(raw), "\n")
	return line, err
}

// post makes one HTTP request and returns the body of its answer.
func (c *client) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	if err := c.checkIPC(); err != nil {
		return nil, err
	}
	to, err := c.target()
	if err != nil {
		return nil, err
	}
	limit := int64(longest)
	if n := c.settings.Int("rpcclienttimeout", 900); n > 0 {
		limit = n
	}
	ctx, cancel := context.WithTimeout(ctx, seconds(limit))
	defer cancel()
	secret, hint := c.credentials()
	status, answer, err := to.post(ctx, path, secret, body)
	if err != nil {
		return nil, &connectionError{fmt.Sprintf("Error while attempting to communicate with server %s (%v)\n\n"+
			"Make sure the bitcoind server is running and that you are connecting to the correct RPC port.\n"+
			"Use \"bitcoin-cli -help\" for more info.", to.shown, err)}
	}
	return answer, c.checkStatus(status, answer, hint)
}

// post returns what came, whatever the status. The error says in a few words how far it
// got.
func (t target) post(ctx context.Context, path, secret string, body []byte) (status int, answer []byte, err error) {
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return t.dial(ctx) },
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxReplyHeader,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	to := &url.URL{Scheme: "http", Host: t.host, RawPath: path}
	if to.Path, err = url.PathUnescape(path); err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.URL, r.Host = to, t.host
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(secret)))
	response, err := client.Do(r)
	if err != nil {
		return 0, nil, reason(err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxReply+1))
	if err == nil && len(answer) > maxReply {
		err = fmt.Errorf("the answer has more than %d bytes", maxReply)
	}
	return response.StatusCode, answer, reason(err)
}

// dialError is that nobody was reached.
type dialError struct{ text string }

func (e *dialError) Error() string { return e.text }

func (t target) dial(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, t.network, t.address)
	var unknown *net.DNSError
	var malformed *net.AddrError
	switch {
	case errors.As(err, &unknown), errors.As(err, &malformed):
		return nil, &dialError{"Could not resolve host: " + t.shown[:strings.LastIndexByte(t.shown, ':')]}
	case err != nil:
		return nil, &dialError{"Could not connect to the server"}
	}
	return conn, nil
}

// reason is what an HTTP request failed of, in Bitcoin Core's words where it has some.
func reason(err error) error {
	var dial *dialError
	var request *url.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &dial):
		return dial
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("timeout")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("EOF")
	case errors.As(err, &request):
		return request.Err
	}
	return err
}

// checkStatus tells an answer of JSON-RPC from others.
func (c *client) checkStatus(status int, answer []byte, hint string) error {
	switch {
	case status == http.StatusUnauthorized:
		return config.Complain("Authorization failed: %s Configuration file: (%s)", hint, c.settings.ConfigPath(c.layout))
	case status == http.StatusServiceUnavailable:
		return config.Complain("Server response: %s", answer)
	case status >= http.StatusBadRequest && status != http.StatusBadRequest && status != http.StatusNotFound && status != http.StatusInternalServerError:
		return fmt.Errorf("server returned HTTP error %d", status)
	case len(answer) == 0:
		return errors.New("no response from server")
	}
	return nil
}

// checkIPC refuses -ipcconnect: the bus, which that setting is about elsewhere in this
// program, and Bitcoin Core's sockets for it are no way to a node for this client.
func (c *client) checkIPC() error {
	switch text := c.settings.Text("ipcconnect", "auto"); {
	case c.settings.Negated("ipcconnect"), text == "auto", text == "0":
		return nil
	case c.settings.Has("rpcconnect") && !c.settings.Negated("rpcconnect"):
		return errors.New("-rpcconnect and -ipcconnect options cannot both be enabled")
	}
	return errors.New("bitcoin-cli was not built with IPC support")
}
