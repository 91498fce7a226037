package sam_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/p2pworker/sam"
)

const address = "c4gfnttsuwqomiygupdqqqyy5y5emnk5c73hrfvatri67prd7vyq.b32.i2p"

// router says what it says, and keeps what it hears.
type router struct {
	io.Reader
	heard bytes.Buffer
}

func (r *router) Write(p []byte) (int, error) { return r.heard.Write(p) }

func says(lines ...string) *router {
	return &router{Reader: strings.NewReader(strings.Join(lines, "\n"))}
}

const (
	hello = "HELLO REPLY RESULT=OK VERSION=3.1"
	named = "NAMING REPLY RESULT=OK NAME=x VALUE=abc~-=="
)

func TestAPeerByI2P(t *testing.T) {
	r := says(hello, "SESSION STATUS RESULT=OK DESTINATION=secret", "")
	require.NoError(t, sam.Create(r, "me"))
	require.Equal(t, "HELLO VERSION MIN=3.1 MAX=3.1\n"+
		"SESSION CREATE STYLE=STREAM ID=me DESTINATION=TRANSIENT SIGNATURE_TYPE=7 i2cp.leaseSetEncType=4,0 inbound.quantity=1 outbound.quantity=1\n", r.heard.String())
	r = says(hello, named, "STREAM STATUS RESULT=OK", "peer\n")
	require.NoError(t, sam.Connect(r, "me", address))
	require.Equal(t, "HELLO VERSION MIN=3.1 MAX=3.1\nNAMING LOOKUP NAME="+address+"\nSTREAM CONNECT ID=me DESTINATION=abc~-== SILENT=false\n", r.heard.String())
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "peer\n", string(rest), "what follows is the peer's")
}

func TestRoutersThatDoNot(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  string
		peer  bool
	}{
		{[]string{hello, named, "STREAM STATUS RESULT=CANT_REACH_PEER MESSAGE=x", ""}, "the I2P router answered STREAM CONNECT with CANT_REACH_PEER", true},
		{[]string{hello, "NAMING REPLY RESULT=KEY_NOT_FOUND", ""}, "the I2P router answered NAMING LOOKUP with KEY_NOT_FOUND", true},
		{[]string{hello, named, "STREAM STATUS RESULT=INVALID_ID", ""}, "the I2P router answered STREAM CONNECT with INVALID_ID", false},
		{[]string{hello, "NAMING REPLY RESULT=OK", ""}, "unexpected reply of the I2P router to NAMING LOOKUP", false},
		{[]string{"HELLO REPLY RESULT=NOVERSION", ""}, "the I2P router answered HELLO VERSION with NOVERSION", false},
		{[]string{"HELLO REPLY RESULT=\x1b[31m", ""}, "unexpected reply of the I2P router to HELLO VERSION", false},
		{[]string{"HTTP/1.1 400", ""}, "unexpected reply of the I2P router to HELLO VERSION", false},
		{[]string{hello[:9]}, "HELLO VERSION: EOF", false},
		{nil, "HELLO VERSION: EOF", false},
		{[]string{strings.Repeat("x", 1<<17)}, "HELLO VERSION: the reply is too long", false},
	} {
		err := sam.Connect(says(tt.lines...), "me", address)
		require.EqualError(t, err, tt.want)
		var fault *sam.Error
		require.Equal(t, tt.peer, errors.As(err, &fault) && fault.PeerFault(), tt.want)
	}
	require.Error(t, sam.Create(says(hello, "SESSION STATUS RESULT=DUPLICATED_ID", ""), "me"))
	require.Error(t, sam.Create(says(), "me"))
}

// FuzzConnect: whatever a router says, a reply is bounded, and nothing after the last
// line is read.
func FuzzConnect(f *testing.F) {
	for _, seed := range [][]string{{hello, named, "STREAM STATUS RESULT=OK", "peer"}, {hello, "NAMING REPLY RESULT=OK VALUE=="}, {""}} {
		f.Add(strings.Join(seed, "\n"))
	}
	f.Fuzz(func(t *testing.T, said string) {
		r := says(said)
		err := sam.Connect(r, "me", address)
		rest, _ := io.ReadAll(r)
		if err == nil && strings.Count(said[:len(said)-len(rest)], "\n") != 3 {
			t.Fatalf("%q was read", said[:len(said)-len(rest)])
		}
		if strings.Count(r.heard.String(), "\n") > 3 {
			t.Fatalf("%q was said", r.heard.String())
		}
	})
}

// TestWeAreReached: a key is made once, and the router connects who calls us to a port.
func TestWeAreReached(t *testing.T) {
	r := says(hello, "DEST REPLY PUB=p PRIV=secret", "SESSION STATUS RESULT=OK DESTINATION=secret", "")
	key, err := sam.CreateAs(r, "me", "")
	require.NoError(t, err)
	require.Equal(t, "secret", key)
	require.Contains(t, r.heard.String(), "DEST GENERATE SIGNATURE_TYPE=7\nSESSION CREATE STYLE=STREAM ID=me DESTINATION=secret ")
	r = says(hello, "SESSION STATUS RESULT=OK DESTINATION=kept", "")
	key, err = sam.CreateAs(r, "me", "kept")
	require.NoError(t, err)
	require.Equal(t, "kept", key)
	_, err = sam.CreateAs(says(hello, "SESSION STATUS RESULT=DUPLICATED_DEST", ""), "me", "kept")
	require.ErrorContains(t, err, "DUPLICATED_DEST")
	_, err = sam.CreateAs(says(hello, "DEST REPLY PUB=p", ""), "me", "")
	require.ErrorContains(t, err, "unexpected reply")
	r = says(hello, "STREAM STATUS RESULT=OK", "")
	require.NoError(t, sam.Forward(r, "me", 4567))
	require.Contains(t, r.heard.String(), "STREAM FORWARD ID=me PORT=4567 HOST=127.0.0.1 SILENT=false\n")
}

// TestWhoCalls: the hash of a destination up to the end of its certificate, computed
// with another library.
func TestWhoCalls(t *testing.T) {
	old := strings.Repeat("A", 516) // 387 bytes: no certificate
	for text, want := range map[string]string{
		old + "\nmore":                   "gem7z2yovuoqqbg3sd5qzb5dhaiit6osezfdo3cbuonanzjsuzaq.b32.i2p",
		old + " FROM_PORT=0 TO_PORT=0\n": "gem7z2yovuoqqbg3sd5qzb5dhaiit6osezfdo3cbuonanzjsuzaq.b32.i2p",
		old + "AAAA\n":                   "gem7z2yovuoqqbg3sd5qzb5dhaiit6osezfdo3cbuonanzjsuzaq.b32.i2p", // a private key
	} {
		got, err := sam.Caller(strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"\n", "short\n", "!" + old + "\n", old[:512] + "AAEA\n", old} {
		_, err := sam.Caller(strings.NewReader(bad))
		require.Error(t, err, bad)
	}
}
