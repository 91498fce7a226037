package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAProxyThatIsAUnixSocket is reached from within the sandbox, where no worker could
// make such a socket otherwise, and asked for the name of a peer.
func TestAProxyThatIsAUnixSocket(t *testing.T) {
	const peer = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
	dir, err := os.MkdirTemp("", "socks") // the name of a socket is short
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "socks")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer l.Close()
	end := time.Now().Add(time.Minute)
	require.NoError(t, l.(*net.UnixListener).SetDeadline(end))
	n := startNode(t, "regtest", "-proxy=unix:"+path, "-proxyrandomize=0", "-connect="+peer, "-sandbox=require")
	asksProxyFor(t, l, peer)
	n.eventually("the peer is connected", func() error {
		var peers []struct{ Addr, Network string }
		raw, err := n.call("getpeerinfo")
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &peers); err != nil {
			return err
		}
		if len(peers) != 1 || peers[0].Addr != peer || peers[0].Network != "onion" {
			return fmt.Errorf("peers are %v", peers)
		}
		return nil
	})
}

// asksProxyFor takes a connection to a proxy (RFC 1928), requires that it wants a peer of
// regtest, and returns what leads there.
func asksProxyFor(t *testing.T, l net.Listener, peer string) net.Conn {
	t.Helper()
	c, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	hello := make([]byte, 3)
	_, err = io.ReadFull(c, hello)
	require.NoError(t, err)
	_, err = c.Write([]byte{5, 0})
	require.NoError(t, err)
	request := make([]byte, 5+len(peer)+2)
	_, err = io.ReadFull(c, request)
	require.NoError(t, err)
	require.Equal(t, "\x05\x01\x00\x03"+string(rune(len(peer)))+peer+"\x48\x0c", string(request), "the port is regtest's")
	_, err = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	require.NoError(t, err)
	return c
}

// A peer that hangs up at a v2 handshake is tried with v1, by the proxy again: else it
// would learn where we are (core#35410). Its name is looked up by nobody here.
func TestTheRetryWithV1GoesByTheProxy(t *testing.T) {
	for _, peer := range []string{"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion", "peer.invalid"} {
		t.Run(peer, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer l.Close()
			require.NoError(t, l.(*net.TCPListener).SetDeadline(time.Now().Add(2*patience)))
			n := startNode(t, "regtest", "-proxy="+l.Addr().String(), "-proxyrandomize=0", "-connect="+peer, "-sandbox=require")
			c := asksProxyFor(t, l, peer)
			begin := make([]byte, 64)
			_, err = io.ReadFull(c, begin)
			require.NoError(t, err)
			require.NotEqual(t, regtestMagic, string(begin[:4]), "it is the key of a v2 handshake")
			c.Close()

			c = asksProxyFor(t, l, peer)
			_, err = io.ReadFull(c, begin)
			require.NoError(t, err)
			require.Equal(t, regtestMagic+"version", string(begin[:11]))
			n.awaitLog("retrying with v1 transport protocol for peer=0")
			n.stop()
		})
	}
}

// regtestMagic begins each message of v1 on regtest.
const regtestMagic = "\xfa\xbf\xb5\xda"
