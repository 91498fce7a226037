package main_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// daemon runs a program of others until the test ends.
func daemon(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	require.NoError(t, cmd.Start(), "%s is a package of Debian", name)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// awaitPort waits for somebody to listen at a port of this machine.
func awaitPort(t testing.TB, port int) {
	t.Helper()
	eventually(t, "a listener", func() error {
		nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			nc.Close()
		}
		return err
	})
}

// ownAddress waits until the node shows an address of its own that ends so, and returns it.
func (n *node) ownAddress(end string) (address string) {
	n.t.Helper()
	eventuallyWithin(n.t, 2*patience, "an address at "+end, func() error {
		raw, err := n.call("getnetworkinfo")
		var info struct {
			LocalAddresses []struct{ Address string }
		}
		if err == nil {
			err = json.Unmarshal(raw, &info)
		}
		for _, own := range info.LocalAddresses {
			if strings.HasSuffix(own.Address, end) {
				address = own.Address
				return nil
			}
		}
		return errors.Join(err, errors.New("there is none"))
	})
	return address
}

// TestTheOnionServiceOfARealTor: the daemon, which has no network here, makes the service,
// takes it back with our connection, and makes the same again.
func TestTheOnionServiceOfARealTor(t *testing.T) {
	control := freePort(t)
	daemon(t, "tor", "--DisableNetwork", "1", "--SocksPort", "0", "--ControlPort", fmt.Sprintf("127.0.0.1:%d", control),
		"--CookieAuthentication", "1", "--DataDirectory", t.TempDir(), "--Log", "err stderr")
	awaitPort(t, control)
	n := newNode(t, "regtest", "-connect=0", "-listen=1", fmt.Sprintf("-torcontrol=127.0.0.1:%d", control), fmt.Sprintf("-bind=127.0.0.1:%d=onion", freePort(t)))
	n.start()
	service := n.ownAddress(".onion")
	require.Len(t, service, 56+len(".onion"))
	kill(t, n.pids("peers")[0])
	require.Equal(t, service, n.ownAddress(".onion"), "the manager died")
	n.stop()
	n.start()
	require.Equal(t, service, n.ownAddress(".onion"))
	n.stop()
}

// withoutTunnels passes on what a node and a router at a port say, and returns where.
// A session has no tunnels then: there are no other routers here.
func withoutTunnels(t *testing.T, port int) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var tasks sync.WaitGroup
	t.Cleanup(tasks.Wait)
	t.Cleanup(func() { l.Close() })
	tasks.Go(func() {
		for {
			node, err := l.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() { passLines(node, port) })
		}
	})
	return l.Addr().String()
}

func passLines(node net.Conn, port int) {
	defer node.Close()
	router, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return
	}
	defer router.Close()
	var back sync.WaitGroup
	defer back.Wait()
	back.Go(func() {
		_, _ = io.Copy(node, router)
		node.Close()
	})
	defer router.Close()
	for lines := bufio.NewScanner(node); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "SESSION CREATE ") {
			line += " inbound.length=0 outbound.length=0"
		}
		if _, err := io.WriteString(router, line+"\n"); err != nil {
			return
		}
	}
}

// TestOurAddressOnARealRouterOfI2P, which has no network here: it makes us a key and a
// session, and takes our listener. Who it connects to us is known by his address.
func TestOurAddressOnARealRouterOfI2P(t *testing.T) {
	port := freePort(t)
	daemon(t, "i2pd", "--datadir="+t.TempDir(), "--reseed.threshold=0", "--sam.enabled=1", "--sam.address=127.0.0.1",
		fmt.Sprintf("--sam.port=%d", port), "--http.enabled=0", "--httpproxy.enabled=0", "--socksproxy.enabled=0",
		"--host=127.0.0.1", fmt.Sprintf("--port=%d", freePort(t)), "--ssu2.enabled=0", "--log=stdout", "--loglevel=none")
	awaitPort(t, port)
	n := newNode(t, "regtest", "-connect=0", "-listen=1", "-debug=i2p", "-i2psam="+withoutTunnels(t, port))
	n.start()
	require.Len(t, n.ownAddress(".b32.i2p"), 52+len(".b32.i2p")) // after 20 s, the router's own pause
	key, err := os.Stat(filepath.Join(n.net, "i2p_private_key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), key.Mode())
	n.acceptsFromI2P()
	n.stop()
}

// acceptsFromI2P does what a router does when a peer connects, and requires that the node
// knows it by its address.
func (n *node) acceptsFromI2P() {
	n.t.Helper()
	bound := regexp.MustCompile(`Bound to 127\.0\.0\.1:(\d+)`).FindAllStringSubmatch(n.log(), -1)
	var port int
	_, err := fmt.Sscan(bound[len(bound)-1][1], &port)
	require.NoError(n.t, err)
	// 387 bytes, the certificate of no length: a destination of the oldest kind.
	destination := strings.Repeat("A", 516)
	const address = "gem7z2yovuoqqbg3sd5qzb5dhaiit6osezfdo3cbuonanzjsuzaq.b32.i2p"
	p := dialBlockPeerAs(n, port, destination+" FROM_PORT=0 TO_PORT=0\n")
	defer p.leave()
	require.True(n.t, p.sync())
	peers := n.must("getpeerinfo").([]any)
	require.Len(n.t, peers, 1)
	peer := peers[0].(map[string]any)
	require.Equal(n.t, "i2p", peer["network"])
	require.Equal(n.t, true, peer["inbound"])
	require.Equal(n.t, address+":0", peer["addr"])
}

// dialBlockPeerAs is dialBlockPeerTo with words before the first message.
func dialBlockPeerAs(n *node, port int, words string) *blockPeer {
	n.t.Helper()
	nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	require.NoError(n.t, err)
	_, err = io.WriteString(nc, words)
	require.NoError(n.t, err)
	return blockPeerOn(n, nc, map[chainhash.Hash]*wire.MsgBlock{}, time.Now())
}
