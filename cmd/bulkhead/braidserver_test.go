package main_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// braidServer is a peer that has the blocks of a braid. It announces one best
// block after the other, each when the node has asked for the one before, as
// far as it is allowed to.
type braidServer struct {
	braid    *chaintest.Braid
	listener net.Listener
	tasks    sync.WaitGroup

	mu      sync.Mutex
	conns   map[*braidConn]struct{}
	shown   int  // tips that have been announced
	asked   bool // the node has asked for the last of them
	allowed int
	moved   chan struct{} // closed when the last that is allowed is announced
}

// braidConn is one connection.
type braidConn struct {
	net.Conn
	in      *bufio.Reader
	writing sync.Mutex
	greeted bool // there was a version; of the server's mutex
}

// speaksV1 reads how a connection begins. Package wire would wait for the rest of what it
// takes for a message, now and then: what begins a v2 handshake is random.
func (c *braidConn) speaksV1() bool {
	magic, err := c.in.Peek(4)
	return err == nil && binary.LittleEndian.Uint32(magic) == uint32(wire.TestNet)
}

func (c *braidConn) Read(b []byte) (int, error) { return c.in.Read(b) }

func startBraidServer(t testing.TB, b *chaintest.Braid) *braidServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &braidServer{braid: b, listener: l, conns: map[*braidConn]struct{}{}, shown: 1, allowed: 1, moved: make(chan struct{})}
	s.tasks.Go(s.accept)
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.tasks.Wait()
	})
	return s
}

func (s *braidServer) address() string { return s.listener.Addr().String() }

func (s *braidServer) accept() {
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			return
		}
		c := &braidConn{Conn: nc, in: bufio.NewReader(nc)}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.tasks.Go(func() {
			if c.speaksV1() {
				for s.answer(c) == nil {
				}
			}
			c.Close()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, c)
		})
	}
}

// say sends a message. That the node has hung up shows elsewhere.
func (c *braidConn) say(msg wire.Message) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = wire.WriteMessageWithEncodingN(c, msg, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
}

// answer handles one message.
func (s *braidServer) answer(c *braidConn) error {
	_, msg, _, err := wire.ReadMessageWithEncodingN(c, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
	if errors.Is(err, wire.ErrUnknownMessage) {
		return nil
	}
	switch msg := msg.(type) {
	case *wire.MsgVersion:
		nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, wire.SFNodeNetwork|wire.SFNodeWitness)
		version := wire.NewMsgVersion(nobody, nobody, msg.Nonce+1, s.best().Height)
		version.Services = wire.SFNodeNetwork | wire.SFNodeWitness
		c.say(version)
		c.say(wire.NewMsgVerAck())
		s.mu.Lock()
		c.greeted = true
		s.mu.Unlock()
	case *wire.MsgPing:
		c.say(wire.NewMsgPong(msg.Nonce))
	case *wire.MsgGetHeaders:
		c.say(s.headers(msg))
	case *wire.MsgGetData:
		for _, want := range msg.InvList {
			s.deliver(c, want.Hash)
		}
	}
	return err
}

// best is the tip that was announced last.
func (s *braidServer) best() *chaintest.Spot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.braid.Tips[s.shown-1]
}

func (s *braidServer) headers(msg *wire.MsgGetHeaders) *wire.MsgHeaders {
	best := s.best()
	for _, hash := range msg.BlockLocatorHashes {
		if known := s.braid.Spots[*hash]; known != nil {
			return headersOf(chaintest.ForkOf(known, best), best)
		}
	}
	return headersOf(s.braid.Genesis, best)
}

func headersOf(fork, tip *chaintest.Spot) *wire.MsgHeaders {
	msg := wire.NewMsgHeaders()
	for _, spot := range chaintest.Between(fork, tip) {
		if len(msg.Headers) == wire.MaxBlockHeadersPerMsg {
			break
		}
		_ = msg.AddBlockHeader(&spot.Header)
	}
	return msg
}

func (s *braidServer) deliver(c *braidConn, hash chainhash.Hash) {
	spot := s.braid.Spots[hash]
	if spot == nil {
		return
	}
	block := &wire.MsgBlock{Header: spot.Header}
	for _, tx := range spot.Txs {
		block.Transactions = append(block.Transactions, tx.MsgTx)
	}
	c.say(block)
	s.mu.Lock()
	defer s.mu.Unlock()
	if hash == s.braid.Tips[s.shown-1].Hash {
		s.asked = true
		s.show()
	}
}

// show announces the next tip, if it is time. The caller holds the lock.
func (s *braidServer) show() {
	if !s.asked || s.shown >= s.allowed {
		return
	}
	before, next := s.braid.Tips[s.shown-1], s.braid.Tips[s.shown]
	s.shown++
	s.asked = false
	if s.shown == s.allowed {
		close(s.moved)
	}
	msg := headersOf(chaintest.ForkOf(before, next), next)
	for c := range s.conns {
		if c.greeted {
			s.tasks.Go(func() { c.say(msg) })
		}
	}
}

// allow lets the server announce some more tips. The channel is closed when it
// has announced the last.
func (s *braidServer) allow(more int) (moved <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved = make(chan struct{})
	if s.allowed = min(s.shown+more, len(s.braid.Tips)); s.shown == s.allowed {
		close(s.moved)
	}
	s.show()
	return s.moved
}
