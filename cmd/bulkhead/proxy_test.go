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
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(end))
	hello := make([]byte, 3)
	_, err = io.ReadFull(c, hello)
	require.NoError(t, err)
	_, err = c.Write([]byte{5, 0})
	require.NoError(t, err)
	request := make([]byte, 5+len(peer)+2)
	_, err = io.ReadFull(c, request)
	require.NoError(t, err)
	require.Equal(t, "\x05\x01\x00\x03\x3e"+peer+"\x48\x0c", string(request), "the port is regtest's")
	_, err = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	require.NoError(t, err)
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
