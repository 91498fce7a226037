package p2pworker_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

const i2p = "c4gfnttsuwqomiygupdqqqyy5y5emnk5c73hrfvatri67prd7vyq.b32.i2p"

// i2pRouter is a router of I2P that reaches one peer, unless answer is set.
type i2pRouter struct {
	l        net.Listener
	peer     string
	answer   string
	sessions chan string // what begins, and with a minus what has ended
	running  sync.WaitGroup
}

func newI2PRouter(t *testing.T, peer string) *i2pRouter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &i2pRouter{l: l, peer: peer, sessions: make(chan string, 10)}
	r.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.running.Go(func() {
				defer c.Close()
				r.serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.running.Wait()
	})
	return r
}

func (r *i2pRouter) serve(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch words[0] + " " + words[1] {
		case "HELLO VERSION":
			io.WriteString(c, "HELLO REPLY RESULT=OK VERSION=3.1\n")
		case "NAMING LOOKUP":
			fmt.Fprintf(c, "NAMING REPLY RESULT=OK %s VALUE=key~-==\n", words[2])
		case "SESSION CREATE":
			r.sessions <- words[3]
			io.WriteString(c, "SESSION STATUS RESULT=OK DESTINATION=x\n")
			io.Copy(io.Discard, in)
			r.sessions <- "-" + words[3]
			return
		case "STREAM CONNECT":
			if r.answer != "" {
				io.WriteString(c, r.answer)
				return
			}
			io.WriteString(c, "STREAM STATUS RESULT=OK\n")
			r.forward(c, in)
			return
		}
	}
}

func (r *i2pRouter) forward(c net.Conn, in io.Reader) {
	peer, err := net.Dial("tcp", r.peer)
	if err != nil {
		return
	}
	defer peer.Close()
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(peer, in)
		peer.Close()
	})
	io.Copy(c, peer)
	c.Close()
	up.Wait()
}

// TestPeersByI2P: each has a session of its own, which ends with it.
func TestPeersByI2P(t *testing.T) {
	ctx := patience(t)
	full := newShip(t, 5, 0, 0)
	router := newI2PRouter(t, full.address())
	s := launch(t, 0, 1, 2, outfit{networks: manager.Networks{Proxies: []p2p.Proxy{{Network: p2p.I2P, Address: router.l.Addr().String()}}}})
	s.must(ctx, "addnode", i2p, "onetry")
	session := <-router.sessions
	info := s.peers(ctx, count(1))[0]
	require.Equal(t, i2p, info["addr"])
	require.Equal(t, "i2p", info["network"])
	s.node.awaitHeight(ctx, 5)
	s.must(ctx, "setban", i2p, "add")
	require.Equal(t, "-"+session, <-router.sessions)
	s.peers(ctx, count(0))

	s.must(ctx, "addnode", i2p+":8333", "onetry")
	require.Contains(t, s.log.String(), "Error connecting to "+i2p+":8333, connection refused due to arbitrary port 8333")
	for answer, told := range map[string]string{
		"STREAM STATUS RESULT=CANT_REACH_PEER\n": "connect() to " + i2p + " failed: the I2P router answered STREAM CONNECT with CANT_REACH_PEER",
		"STREAM STATUS RESULT=I2P_ERROR\n":       "connect() to the proxy " + router.l.Addr().String() + " failed: the I2P router answered STREAM CONNECT with I2P_ERROR",
	} {
		router.answer = answer
		s.must(ctx, "addnode", i2p, "onetry")
		require.Equal(t, "-"+<-router.sessions, <-router.sessions)
		require.Contains(t, s.log.String(), told)
	}
	router.l.Close()
	s.must(ctx, "addnode", i2p, "onetry")
	require.Contains(t, s.log.String(), "connection refused")
}
