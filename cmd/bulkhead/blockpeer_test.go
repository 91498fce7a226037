package main_test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// blockPeer is a peer at the level of messages, which says what it is told to
// say. It answers pings, and requests for the blocks that it has.
type blockPeer struct {
	t     testing.TB
	conn  net.Conn
	ready chan struct{} // closed after the handshake
	gone  chan struct{} // closed when the node has hung up
	pongs chan uint64
	// arrived are the blocks that the node has sent, told what it said of its services.
	arrived chan chainhash.Hash
	// addresses are the lists that the node has told.
	addresses chan []*wire.NetAddress
	told      wire.ServiceFlag // read after ready

	writing sync.Mutex // held for a message
	mu      sync.Mutex
	blocks  map[chainhash.Hash]*wire.MsgBlock
	txs     map[chainhash.Hash]*wire.MsgTx
	tip     *wire.MsgBlock // announced last
	nonce   uint64
	headers chainhash.Hash // the last one that was told on request
	// toldHeaders is how many messages of them were.
	toldHeaders int
	// asked counts what the node wanted, announced what it has told of.
	asked     map[wire.InvVect]int
	announced map[chainhash.Hash]int
}

// dialBlockPeer connects to a node as a peer with the given blocks.
func dialBlockPeer(n *node, blocks map[chainhash.Hash]*wire.MsgBlock) *blockPeer {
	n.t.Helper()
	return connectBlockPeer(n, n.p2pPort, blocks, time.Now())
}

// dialBlockPeerAt is dialBlockPeer for a peer that believes it is another time.
func dialBlockPeerAt(n *node, blocks map[chainhash.Hash]*wire.MsgBlock, now time.Time) *blockPeer {
	n.t.Helper()
	return connectBlockPeer(n, n.p2pPort, blocks, now)
}

// dialBlockPeerTo is dialBlockPeer by another listener.
func dialBlockPeerTo(n *node, port int, blocks map[chainhash.Hash]*wire.MsgBlock) *blockPeer {
	n.t.Helper()
	return connectBlockPeer(n, port, blocks, time.Now())
}

func connectBlockPeer(n *node, port int, blocks map[chainhash.Hash]*wire.MsgBlock, now time.Time) *blockPeer {
	n.t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	require.NoError(n.t, err)
	return blockPeerOn(n, conn, blocks, now)
}

// blockPeerOn is a peer at the end of a connection.
func blockPeerOn(n *node, conn net.Conn, blocks map[chainhash.Hash]*wire.MsgBlock, now time.Time) *blockPeer {
	n.t.Helper()
	p := &blockPeer{
		t: n.t, conn: conn, blocks: blocks, txs: map[chainhash.Hash]*wire.MsgTx{},
		ready: make(chan struct{}), gone: make(chan struct{}), pongs: make(chan uint64, 100),
		arrived: make(chan chainhash.Hash, 100), asked: map[wire.InvVect]int{}, announced: map[chainhash.Hash]int{},
		addresses: make(chan []*wire.NetAddress, 100),
	}
	go func() {
		defer close(p.gone)
		for p.answer() {
		}
	}()
	n.t.Cleanup(p.leave)
	nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, wire.SFNodeNetwork|wire.SFNodeWitness)
	version := wire.NewMsgVersion(nobody, nobody, uint64(time.Now().UnixNano()), 0)
	version.Services, version.Timestamp = wire.SFNodeNetwork|wire.SFNodeWitness, now
	p.say(version)
	p.await(p.ready, "handshake")
	return p
}

// leave hangs up.
func (p *blockPeer) leave() {
	p.conn.Close()
	<-p.gone
}

// await waits for something that has to happen.
func (p *blockPeer) await(event <-chan struct{}, what string) {
	p.t.Helper()
	select {
	case <-event:
	case <-time.After(patience):
		require.FailNow(p.t, "waited in vain", what)
	}
}

// say sends a message. That the node has hung up shows elsewhere.
func (p *blockPeer) say(msg wire.Message) {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, _ = wire.WriteMessageWithEncodingN(p.conn, msg, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
}

// answer handles a message. It returns false at the end of the connection.
func (p *blockPeer) answer() bool {
	_, msg, _, err := wire.ReadMessageWithEncodingN(p.conn, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
	if err == wire.ErrUnknownMessage {
		return true
	}
	switch msg := msg.(type) {
	case *wire.MsgBlock:
		p.arrived <- msg.BlockHash()
	case *wire.MsgAddr:
		p.addresses <- msg.AddrList
	case *wire.MsgVersion:
		p.told = msg.Services
		p.say(wire.NewMsgVerAck())
	case *wire.MsgVerAck:
		close(p.ready)
	case *wire.MsgPing:
		p.say(wire.NewMsgPong(msg.Nonce))
	case *wire.MsgPong:
		p.pongs <- msg.Nonce
	case *wire.MsgGetHeaders:
		p.say(p.headersAfter(msg.BlockLocatorHashes))
	case *wire.MsgInv:
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, inv := range msg.InvList {
			p.announced[inv.Hash]++
		}
	case *wire.MsgGetData:
		for _, want := range msg.InvList {
			p.mu.Lock()
			p.asked[*want]++
			p.mu.Unlock()
			p.deliver(want.Hash)
		}
	}
	return err == nil
}

// timesAsked is how often the node wanted something in one way.
func (p *blockPeer) timesAsked(kind wire.InvType, hash chainhash.Hash) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[wire.InvVect{Type: kind, Hash: hash}]
}

// timesAnnounced is how often the node has told of something.
func (p *blockPeer) timesAnnounced(hash chainhash.Hash) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.announced[hash]
}

// headersAfter are those of the branch that was announced last, after the last block
// of a locator; none if the branch does not lead there.
func (p *blockPeer) headersAfter(locator []*chainhash.Hash) *wire.MsgHeaders {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := map[chainhash.Hash]bool{}
	for _, hash := range locator {
		known[*hash] = true
	}
	var branch []*wire.BlockHeader
	for at := p.tip; at != nil; at = p.blocks[at.Header.PrevBlock] {
		branch = append(branch, &at.Header)
		if known[at.Header.PrevBlock] {
			slices.Reverse(branch)
			branch = branch[:min(len(branch), wire.MaxBlockHeadersPerMsg)]
			p.headers, p.toldHeaders = branch[len(branch)-1].BlockHash(), p.toldHeaders+1
			return &wire.MsgHeaders{Headers: branch}
		}
	}
	return wire.NewMsgHeaders()
}

func (p *blockPeer) deliver(hash chainhash.Hash) {
	p.mu.Lock()
	block, have := p.blocks[hash]
	tx := p.txs[hash]
	p.mu.Unlock()
	if have {
		p.say(block)
	}
	if tx != nil {
		p.say(tx)
	}
}

// has puts a block among those that the peer delivers.
func (p *blockPeer) has(block *wire.MsgBlock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blocks[block.BlockHash()] = block
}

// announce tells of blocks by their headers.
func (p *blockPeer) announce(blocks ...*wire.MsgBlock) {
	msg := wire.NewMsgHeaders()
	for _, block := range blocks {
		require.NoError(p.t, msg.AddBlockHeader(&block.Header))
	}
	p.mu.Lock()
	p.tip = blocks[len(blocks)-1]
	p.mu.Unlock()
	p.say(msg)
}

// sync waits until the node is through with all that was said and with the
// blocks that it asked for because of that. It returns false if the node has
// hung up.
func (p *blockPeer) sync() bool {
	p.t.Helper()
	// The first pong comes after the request for a block, the second after the
	// verdict on it.
	for range 2 {
		p.nonce++
		p.say(wire.NewMsgPing(p.nonce))
		select {
		case nonce := <-p.pongs:
			require.Equal(p.t, p.nonce, nonce)
		case <-p.gone:
			return false
		case <-time.After(patience):
			require.FailNow(p.t, "the node does not answer a ping")
		}
	}
	return true
}

// offer announces a transaction, which the peer delivers.
func (p *blockPeer) offer(tx *wire.MsgTx) {
	hash := tx.TxHash()
	p.mu.Lock()
	p.txs[hash] = tx
	p.mu.Unlock()
	inv := wire.NewMsgInv()
	require.NoError(p.t, inv.AddInvVect(wire.NewInvVect(wire.InvTypeTx, &hash)))
	p.say(inv)
}

// rawMessage is a message of any type with any bytes.
type rawMessage struct {
	command string
	payload []byte
}

// Command, MaxPayloadLength, BtcDecode and BtcEncode make it a wire.Message.
func (m rawMessage) Command() string                { return m.command }
func (m rawMessage) MaxPayloadLength(uint32) uint32 { return wire.MaxBlockPayload }
func (m rawMessage) BtcDecode(io.Reader, uint32, wire.MessageEncoding) error {
	return fmt.Errorf("a rawMessage is only written")
}

func (m rawMessage) BtcEncode(w io.Writer, _ uint32, _ wire.MessageEncoding) error {
	_, err := w.Write(m.payload)
	return err
}

// rawBlock is a block message with any bytes.
type rawBlock []byte

// Command, MaxPayloadLength, BtcDecode and BtcEncode make it a wire.Message.
func (rawBlock) Command() string                { return wire.CmdBlock }
func (rawBlock) MaxPayloadLength(uint32) uint32 { return wire.MaxBlockPayload }
func (rawBlock) BtcDecode(io.Reader, uint32, wire.MessageEncoding) error {
	return fmt.Errorf("a rawBlock is only written")
}

func (b rawBlock) BtcEncode(w io.Writer, _ uint32, _ wire.MessageEncoding) error {
	_, err := w.Write(b)
	return err
}
