package socks5_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/p2pworker/socks5"
)

// turn is what a proxy waits for, and what it says then.
type turn struct{ hear, say string }

// proxied lets Connect talk to a scripted proxy, which hangs up at the end unless the
// peer is to be heard behind it.
func proxied(t *testing.T, host string, as *socks5.Credentials, script ...turn) error {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	heard := make(chan error, 1)
	go func() {
		defer theirs.Close()
		for _, turn := range script {
			b := make([]byte, len(turn.hear))
			if _, err := io.ReadFull(theirs, b); err != nil || string(b) != turn.hear {
				heard <- errors.New("the proxy heard " + string(b))
				return
			}
			io.WriteString(theirs, turn.say)
		}
		heard <- nil
	}()
	err := socks5.Connect(ours, host, 8333, as)
	if err == nil {
		first, err := io.ReadAll(ours)
		require.NoError(t, err)
		require.Equal(t, "peer", string(first), "what follows the reply is the peer's")
	} else {
		ours.Close()
	}
	require.NoError(t, <-heard)
	return err
}

const (
	hello    = "\x05\x01\x00"
	helloAs  = "\x05\x02\x00\x02"
	request  = "\x05\x01\x00\x03\x03a.b\x20\x8d"
	welcome  = "\x05\x00"
	whoAreU  = "\x05\x02"
	login    = "\x01\x02me\x06secret"
	accepted = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
)

func me() *socks5.Credentials { return &socks5.Credentials{User: "me", Password: "secret"} }

func TestConnect(t *testing.T) {
	name := "\x05\x00\x00\x03\xff" + strings.Repeat("x", 255) + "\x00\x01"
	for _, reply := range []string{accepted, "\x05\x00\x00\x04" + strings.Repeat("\x01", 18), "\x05\x00\x00\x03\x00\x00\x01", name} {
		require.NoError(t, proxied(t, "a.b", nil, turn{hello, welcome}, turn{request, reply + "peer"}))
		require.NoError(t, proxied(t, "a.b", me(), turn{helloAs, whoAreU}, turn{login, "\x01\x00"}, turn{request, reply + "peer"}))
	}
	require.NoError(t, proxied(t, "a.b", me(), turn{helloAs, welcome}, turn{request, accepted + "peer"}), "it need not ask")
}

// TestReplies: the texts are Bitcoin Core's.
func TestReplies(t *testing.T) {
	for code, text := range map[string]string{"\x01": "general failure", "\x05": "connection refused", "\xf0": "onion service descriptor can not be found", "\x99": "unknown (0x99)"} {
		err := proxied(t, "a.b", nil, turn{hello, welcome}, turn{request, "\x05" + code + "\x00\x01"})
		require.EqualError(t, err, text)
		var reply socks5.ReplyError
		require.ErrorAs(t, err, &reply)
	}
}

// TestBrokenProxies: each lie is told by its place, and a reply that ends within is
// no success.
func TestBrokenProxies(t *testing.T) {
	for _, tt := range []struct {
		text   string
		as     *socks5.Credentials
		script []turn
	}{
		{"Socks5() connect to a.b:8333 failed: InterruptibleRecv() timeout or other failure", nil, []turn{{hello, "\x05"}}},
		{"Proxy failed to initialize", nil, []turn{{hello, "HT"}}},
		{"Proxy requested wrong authentication method 02", nil, []turn{{hello, whoAreU}}},
		{"Proxy requested wrong authentication method ff", me(), []turn{{helloAs, "\x05\xff"}}},
		{"Error reading proxy authentication response", me(), []turn{{helloAs, whoAreU}, {login, "\x01"}}},
		{"Proxy authentication unsuccessful", me(), []turn{{helloAs, whoAreU}, {login, "\x01\x01"}}},
		{"Proxy authentication unsuccessful", me(), []turn{{helloAs, whoAreU}, {login, "\x05\x00"}}},
		{"Error while reading proxy response", nil, []turn{{hello, welcome}, {request, "\x05\x00\x00"}}},
		{"Proxy failed to accept request", nil, []turn{{hello, welcome}, {request, "\x04\x00\x00\x01"}}},
		{"Error: malformed proxy response", nil, []turn{{hello, welcome}, {request, "\x05\x00\x01\x01"}}},
		{"Error: malformed proxy response", nil, []turn{{hello, welcome}, {request, "\x05\x00\x00\x02"}}},
		{"Error reading from proxy", nil, []turn{{hello, welcome}, {request, accepted[:9]}}},
		{"Error reading from proxy", nil, []turn{{hello, welcome}, {request, "\x05\x00\x00\x03"}}},
		{"Error reading from proxy", nil, []turn{{hello, welcome}, {request, "\x05\x00\x00\x03\xffshort"}}},
	} {
		err := proxied(t, "a.b", tt.as, tt.script...)
		require.EqualError(t, err, tt.text)
		var fault *socks5.Error
		require.ErrorAs(t, err, &fault)
	}
}

// TestWhatCannotBeSaid is not sent in part.
func TestWhatCannotBeSaid(t *testing.T) {
	long := strings.Repeat("x", 256)
	require.EqualError(t, proxied(t, long, nil), "Hostname too long")
	require.ErrorIs(t, proxied(t, "a.b", nil), io.ErrClosedPipe, "nobody listens")
	for _, as := range []socks5.Credentials{{User: long}, {Password: long}} {
		require.EqualError(t, proxied(t, "a.b", &as), "Proxy username or password too long")
	}
}

// TestSilentProxies are waited for no longer than is bearable, at any place.
func TestSilentProxies(t *testing.T) {
	for _, tt := range []struct {
		script []turn
		slow   bool
	}{
		{nil, false},
		{[]turn{{hello, "\x05"}}, false},
		{[]turn{{hello, welcome}, {request, ""}}, true},
		{[]turn{{hello, welcome}, {request, accepted[:6]}}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			defer ours.Close()
			go func() {
				for _, turn := range tt.script {
					if _, err := io.ReadFull(theirs, make([]byte, len(turn.hear))); err != nil {
						return
					}
					io.WriteString(theirs, turn.say)
				}
			}()
			began := time.Now()
			err := socks5.Connect(ours, "a.b", 8333, nil)
			require.LessOrEqual(t, time.Since(began), 2*socks5.ReplyTimeout)
			if tt.slow {
				require.ErrorIs(t, err, socks5.ErrSlow)
			} else {
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			}
		})
	}
}

// replay is a connection to a proxy that says what it says, whatever it hears.
type replay struct {
	net.Conn
	said io.Reader
	read int
}

func (r *replay) Read(p []byte) (int, error) {
	n, err := r.said.Read(p)
	r.read += n
	return n, err
}
func (r *replay) Write(p []byte) (int, error)      { return len(p), nil }
func (r *replay) SetDeadline(time.Time) error      { return nil }
func (r *replay) SetReadDeadline(time.Time) error  { return nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }

// FuzzConnect: whatever a proxy says, nothing is read beyond the end of the reply.
func FuzzConnect(f *testing.F) {
	for _, seed := range []string{welcome + accepted, whoAreU + "\x01\x00" + accepted, welcome + "\x05\x00\x00\x03\xff", "\x05\xff", welcome + "\x05\xf4\x00\x01"} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, said []byte, withName bool) {
		conn := &replay{said: strings.NewReader(string(said))}
		var as *socks5.Credentials
		if withName {
			as = me()
		}
		err := socks5.Connect(conn, "a.b", 8333, as)
		if conn.read > 2+2+4+1+255+2 {
			t.Fatalf("%d bytes were read", conn.read)
		}
		var reply socks5.ReplyError
		var fault *socks5.Error
		if err != nil && !errors.As(err, &reply) && !errors.As(err, &fault) {
			t.Fatalf("%v is none of the errors", err)
		}
	})
}
