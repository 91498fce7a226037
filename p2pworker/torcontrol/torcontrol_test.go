package torcontrol_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/p2pworker/torcontrol"
)

// daemon says what it says, and keeps what it hears.
type daemon struct {
	io.Reader
	heard bytes.Buffer
}

func (d *daemon) Write(p []byte) (int, error) { return d.heard.Write(p) }

func says(lines ...string) *daemon {
	return &daemon{Reader: strings.NewReader(strings.Join(append(lines, ""), "\r\n"))}
}

func (d *daemon) commands() []string {
	return strings.Split(strings.TrimSuffix(d.heard.String(), "\r\n"), "\r\n")
}

// info is an answer to PROTOCOLINFO.
func info(methods string) []string {
	return []string{"250-PROTOCOLINFO 1", "250-AUTH METHODS=" + methods, `250-VERSION Tor="0.4.8.10"`, "250 OK"}
}

var cookie = bytes.Repeat([]byte{7}, 32)

func by(password string) torcontrol.Credentials {
	return torcontrol.Credentials{Password: password, Nonce: [32]byte{1}, Answer: func(path string, c torcontrol.Challenge) ([]byte, error) {
		if path != `/run/tor/a "b"` {
			return nil, errors.New("no file " + path)
		}
		return c.Answer(cookie)
	}}
}

func mac(key string, nonces ...[]byte) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write(cookie)
	for _, n := range nonces {
		h.Write(n)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestAuthenticate(t *testing.T) {
	d := says(append(info("NULL"), "250 OK")...)
	require.NoError(t, torcontrol.New(d).Authenticate(by("")))
	require.Equal(t, []string{"PROTOCOLINFO 1", "AUTHENTICATE"}, d.commands())
	d = says(append(info("NULL,HASHEDPASSWORD"), "250 OK")...)
	require.NoError(t, torcontrol.New(d).Authenticate(by("a\"b\\c\r\n")))
	require.Equal(t, `AUTHENTICATE "a\"b\\c\r\n"`, d.commands()[1])

	ours, theirs := make([]byte, 32), bytes.Repeat([]byte{9}, 32)
	ours[0] = 1
	challenge := "250 AUTHCHALLENGE SERVERHASH=" + mac("Tor safe cookie authentication server-to-controller hash", ours, theirs) +
		" SERVERNONCE=" + hex.EncodeToString(theirs)
	d = says(append(info(`COOKIE,SAFECOOKIE COOKIEFILE="/run/tor/a\040\"b\""`), challenge, "250 OK")...)
	require.NoError(t, torcontrol.New(d).Authenticate(by("")))
	require.Equal(t, "AUTHENTICATE "+mac("Tor safe cookie authentication controller-to-server hash", ours, theirs), d.commands()[2])
	require.NotContains(t, d.heard.String(), hex.EncodeToString(cookie))
}

func TestAuthenticationThatFails(t *testing.T) {
	safe := info(`SAFECOOKIE COOKIEFILE="/run/tor/a \"b\""`)
	nonce := " SERVERNONCE=" + strings.Repeat("00", 32)
	for want, lines := range map[string][]string{
		"the daemon wants a password, and -torpassword gives none": info("HASHEDPASSWORD"),
		"the daemon offers no way to authenticate that is known":   info("COOKIE"),
		"Tor answered PROTOCOLINFO with 510":                       {"510 what"},
		"Tor answered AUTHENTICATE with 515":                       append(info("NULL"), "515 no"),
		"no file /else":                                            append(info(`SAFECOOKIE COOKIEFILE="/else"`), "250 AUTHCHALLENGE SERVERHASH=00"+nonce),
		"who answers at Tor's port does not know Tor's cookie":     append(safe, "250 AUTHCHALLENGE SERVERHASH="+strings.Repeat("00", 32)+nonce),
		"the reply of Tor is against the protocol":                 append(safe, "250 AUTHCHALLENGE SERVERHASH=zz"+nonce),
		"AUTHCHALLENGE: EOF":                                       safe,
		"PROTOCOLINFO: EOF":                                        {"250-PROTOCOLINFO 1"},
	} {
		require.EqualError(t, torcontrol.New(says(lines...)).Authenticate(by("")), want)
	}
	for _, line := range []string{"", "250", "abc OK", "250+data", strings.Repeat("x", 100_000)} {
		require.Error(t, torcontrol.New(says(line)).Authenticate(by("")))
	}
	endless := make([]string, 2000)
	for i := range endless {
		endless[i] = "250-more"
	}
	require.EqualError(t, torcontrol.New(says(endless...)).Authenticate(by("")), "the reply of Tor is too long")
}

func TestSOCKS(t *testing.T) {
	for said, want := range map[string]string{
		`"127.0.0.1:9050"`: "127.0.0.1:9050",
		`"10.0.0.1:1" "unix:/run/tor/socks" "[::1]:2"`: "[::1]:2",
		`"10.0.0.1:1"`:          "10.0.0.1:1",
		`"unix:/run/tor/socks"`: "",
		``:                      "",
	} {
		at, ok, err := torcontrol.New(says("250-net/listeners/socks="+said, "250 OK")).SOCKS()
		require.NoError(t, err)
		require.Equal(t, want != "", ok)
		if ok {
			require.Equal(t, want, at.String())
		}
	}
	for _, line := range []string{"250 OK", "552 unknown"} {
		_, _, err := torcontrol.New(says(line)).SOCKS()
		require.Error(t, err)
	}
}

func TestAddOnion(t *testing.T) {
	target := netip.MustParseAddrPort("127.0.0.1:8334")
	d := says("250-ServiceID=abc", "250-PrivateKey=ED25519-V3:key==", "250 OK", "650 STATUS", "")
	c := torcontrol.New(d)
	s, err := c.AddOnion(torcontrol.NewKey, 8333, target)
	require.NoError(t, err)
	require.Equal(t, torcontrol.Service{Address: "abc.onion", Key: "ED25519-V3:key=="}, s)
	require.Equal(t, []string{"ADD_ONION NEW:ED25519-V3 PoWDefensesEnabled=1 Port=8333,127.0.0.1:8334"}, d.commands())
	require.ErrorIs(t, c.Wait(), io.EOF)
	s, err = torcontrol.New(says("250-ServiceID=abc", "250 OK")).AddOnion(s.Key, 8333, target)
	require.NoError(t, err)
	require.Equal(t, "ED25519-V3:key==", s.Key, "it is ours already")
	for _, key := range []string{torcontrol.NewKey, "", "a\nb"} {
		_, err = torcontrol.New(says("250-ServiceID=abc", "250 OK")).AddOnion(key, 8333, target)
		require.Error(t, err)
	}
	_, err = torcontrol.New(says("250-PrivateKey=x", "250 OK")).AddOnion("key", 8333, target)
	require.Error(t, err)
}

// A daemon before 0.4.9 does not know of defences by proof of work.
func TestAddOnionToAnOldDaemon(t *testing.T) {
	target := netip.MustParseAddrPort("127.0.0.1:8334")
	d := says("512 Unrecognized option", "250-ServiceID=abc", "250 OK")
	s, err := torcontrol.New(d).AddOnion("key", 8333, target)
	require.NoError(t, err)
	require.Equal(t, "abc.onion", s.Address)
	require.Equal(t, []string{"ADD_ONION key PoWDefensesEnabled=1 Port=8333,127.0.0.1:8334", "ADD_ONION key Port=8333,127.0.0.1:8334"}, d.commands())
	d = says("551 Failed to generate onion address", "250 OK")
	_, err = torcontrol.New(d).AddOnion("key", 8333, target)
	require.EqualError(t, err, "Tor answered ADD_ONION with 551")
	require.Len(t, d.commands(), 1)
}

// TestLongReplies: a line and a number of lines as long as they may be are read, one more
// is too long.
func TestLongReplies(t *testing.T) {
	for more, want := range map[int]string{0: "", 1: "the reply of Tor is too long"} {
		lines := []string{"250-net/listeners/socks=" + strings.Repeat("a", 100_000-25+more), "250 OK"}
		_, _, err := torcontrol.New(says(lines...)).SOCKS()
		many := slices.Repeat([]string{"250-net/listeners/socks="}, 999+more)
		_, _, err2 := torcontrol.New(says(append(many, "250 OK")...)).SOCKS()
		for _, err := range []error{err, err2} {
			if want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, want)
			}
		}
	}
}

// FuzzReplies: whatever a daemon says, it is asked no more than there is to ask.
func FuzzReplies(f *testing.F) {
	f.Add("250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n250 OK\r\n250-net/listeners/socks=\"127.0.0.1:9050\"\r\n250 OK\r\n250-ServiceID=a\r\n250 OK\r\n")
	f.Add("250 AUTH METHODS=SAFECOOKIE COOKIEFILE=\"\\057\\x\"\r\n250 AUTHCHALLENGE SERVERHASH=00\r\n")
	f.Fuzz(func(t *testing.T, said string) {
		d := &daemon{Reader: strings.NewReader(said)}
		c := torcontrol.New(d)
		if c.Authenticate(by("")) == nil {
			c.SOCKS()
			c.AddOnion(torcontrol.NewKey, 1, netip.MustParseAddrPort("127.0.0.1:1"))
		}
		if n := strings.Count(d.heard.String(), "\n"); n > 6 {
			t.Fatalf("%d commands", n)
		}
	})
}

func TestWaitIsBounded(t *testing.T) {
	full := strings.Repeat("250-more\r\n", 1000) + "250 OK\r\n"
	require.ErrorIs(t, torcontrol.New(&daemon{Reader: strings.NewReader(full + full)}).Wait(), io.EOF)
	require.EqualError(t, torcontrol.New(&daemon{Reader: strings.NewReader(full + strings.Repeat("250-more\r\n", 1001))}).Wait(), "the reply of Tor is too long")
	require.True(t, torcontrol.Refused(torcontrol.New(says("510 what")).Authenticate(by(""))))
	require.False(t, torcontrol.Refused(torcontrol.New(says("250")).Authenticate(by(""))), "not a refusal but nonsense")
}
