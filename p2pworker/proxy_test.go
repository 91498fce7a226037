package p2pworker_test

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

const (
	onion  = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
	public = "8.8.8.8"
)

// wish is what a proxy was asked for.
type wish struct{ host, user, password string }

// proxy is a SOCKS5 proxy that reaches one peer under all names but those for which it
// has an answer.
type proxy struct {
	t       *testing.T
	l       net.Listener
	peer    string
	answers map[string]string
	wishes  chan wish
	running sync.WaitGroup
}

func newProxy(t *testing.T, network, address, peer string) *proxy {
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	p := &proxy{t: t, l: l, peer: peer, answers: map[string]string{}, wishes: make(chan wish, 10)}
	p.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() {
				defer c.Close()
				p.serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.running.Wait()
	})
	return p
}

// take reads what begins with the bytes of its length, such as a name.
func take(c net.Conn) string {
	length := make([]byte, 1)
	io.ReadFull(c, length)
	b := make([]byte, length[0])
	io.ReadFull(c, b)
	return string(b)
}

func (p *proxy) serve(c net.Conn) {
	var w wish
	version := make([]byte, 1)
	io.ReadFull(c, version)
	if methods := take(c); len(methods) == 2 {
		io.WriteString(c, "\x05\x02")
		io.ReadFull(c, version)
		w.user, w.password = take(c), take(c)
		io.WriteString(c, "\x01\x00")
	} else {
		io.WriteString(c, "\x05\x00")
	}
	io.ReadFull(c, make([]byte, 4))
	w.host = take(c)
	io.ReadFull(c, make([]byte, 2))
	p.wishes <- w
	if answer, ok := p.answers[w.host]; ok {
		io.WriteString(c, answer)
		return
	}
	peer, err := net.Dial("tcp", p.peer)
	if err != nil {
		return
	}
	defer peer.Close()
	io.WriteString(c, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(peer, c)
		peer.Close()
	})
	io.Copy(c, peer)
	c.Close()
	up.Wait()
}

// by is reached by one proxy for everything.
func by(address string, randomize bool) manager.Networks {
	n := manager.Networks{CJDNS: true}
	for _, network := range []p2p.NetworkID{0, p2p.IPv4, p2p.IPv6, p2p.TorV3, p2p.CJDNS} {
		n.Proxies = append(n.Proxies, p2p.Proxy{Network: network, Address: address, Randomize: randomize})
	}
	return n
}

// TestPeersByProxy: what is dialled is for the proxy to find, in a connection that
// shares its user with no other; blocks come by it like any other way.
func TestPeersByProxy(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "socks")} {
		t.Run(network, func(t *testing.T) {
			ctx := patience(t)
			full := newShip(t, 5, 0, 0)
			proxy := newProxy(t, network, address, full.address())
			at := proxy.l.Addr().String()
			if network == "unix" {
				at = p2p.UnixPrefix + at
			}
			s := launch(t, 0, 1, 2, outfit{networks: by(at, true)})
			users := map[wish]bool{}
			for i, tt := range []struct{ target, host, network string }{
				{onion, onion, "onion"},
				{"node.example:7", "node.example", "not_publicly_routable"},
				{public + ":7", public, "ipv4"},
				{"[2a00::1]:7", "2a00::1", "ipv6"},
				{"[fc00::1]:7", "fc00::1", "cjdns"},
			} {
				s.must(ctx, "addnode", tt.target, "onetry")
				w := <-proxy.wishes
				require.Equal(t, tt.host, w.host)
				require.NotEmpty(t, w.user)
				users[wish{"", w.user, w.password}] = true
				info := s.peers(ctx, count(i+1))[i]
				require.Equal(t, tt.target, info["addr"])
				require.Equal(t, tt.network, info["network"])
			}
			require.Len(t, users, 5, "circuits are apart")
			s.node.awaitHeight(ctx, 5)
			s.must(ctx, "addnode", full.address(), "onetry")
			s.peers(ctx, count(6))
			require.Empty(t, proxy.wishes, "no proxy reaches this machine's own network")
			s.must(ctx, "setban", onion, "add")
			s.peers(ctx, count(5))
		})
	}
}

// TestWhatAProxyAnswers ends the dial, and is told in Bitcoin Core's words.
func TestWhatAProxyAnswers(t *testing.T) {
	ctx := patience(t)
	proxy := newProxy(t, "tcp", "127.0.0.1:0", "127.0.0.1:1")
	s := launch(t, 0, 1, 2, outfit{networks: by(proxy.l.Addr().String(), false)})
	for host, tt := range map[string]struct{ answer, told string }{
		onion:             {"\x05\xf0\x00\x01", "Socks5() connect to " + onion + " failed: onion service descriptor can not be found"},
		"refused.example": {"\x05\x05\x00\x01", "Socks5() connect to refused.example failed: connection refused"},
		"part.example":    {"\x05\x00\x00\x01\x00", "Error reading from proxy"},
		"short.example":   {"\x05\x00\x00\x03\xffshort", "Error reading from proxy"},
		"http.example":    {"HTTP/1.1 400 Bad Request\r\n\r\n", "Proxy failed to accept request"},
		"kind.example":    {"\x05\x00\x00\x99" + string(make([]byte, 1<<20)), "Error: malformed proxy response"},
		"gone.example":    {"", "Error while reading proxy response"},
	} {
		proxy.answers[host] = tt.answer
		s.must(ctx, "addnode", host, "onetry")
		require.Equal(t, wish{host: host}, <-proxy.wishes)
		require.Contains(t, s.log.String(), tt.told)
		s.peers(ctx, count(0))
	}
}

// TestNamesStayWithTheProxy: what cannot be reached by it is not tried by other ways.
func TestNamesStayWithTheProxy(t *testing.T) {
	ctx := patience(t)
	unused := newProxy(t, "tcp", "127.0.0.1:0", "127.0.0.1:1")
	away := unused.l.Addr().String()
	unused.l.Close()
	s := launch(t, 0, 1, 2, outfit{networks: by(away, true)})
	for _, target := range []string{"localhost:1", onion, public} {
		s.must(ctx, "addnode", target, "onetry")
	}
	require.Contains(t, s.log.String(), fmt.Sprintf("connect() to the proxy %s failed", away))
	s.must(ctx, "addnode", "mistyped.onion", "onetry")
	require.Contains(t, s.log.String(), "connect() to mistyped.onion failed: it is no address of its network")

	full := newShip(t, 5, 0, 0)
	_, port, err := net.SplitHostPort(full.address())
	require.NoError(t, err)
	some := launch(t, 0, 1, 2, outfit{networks: manager.Networks{Proxies: []p2p.Proxy{{Network: p2p.TorV3, Address: away}}}})
	some.must(ctx, "addnode", "localhost:"+port, "onetry")
	some.peers(ctx, count(1))
	some.must(ctx, "addnode", "c4gfnttsuwqomiygupdqqqyy5y5emnk5c73hrfvatri67prd7vyq.b32.i2p", "onetry")
	require.Contains(t, some.log.String(), ".b32.i2p failed: there is no proxy for its network")
}
