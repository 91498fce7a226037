package peertest

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

// Peer is a stub that serves a chain on every connection, whoever made it.
type Peer struct {
	Net   wire.BitcoinNet
	Chain *Chain
	Conduct
	// Served counts the blocks that it has sent, Sessions the handshakes.
	Served, Sessions atomic.Int64
}

// Conduct is what a peer does besides what it should. The zero value is honest.
type Conduct struct {
	Mute     bool          // it answers nothing but pings
	Withhold bool          // it announces blocks and does not send them
	Mutate   bool          // of the blocks that it sends it has changed one byte
	Junk     bool          // it sends bytes that are no message once it is known
	HangUp   time.Duration // it ends each connection after so long; 0 for never
	// Addresses are what it tells, at once and every TellEvery.
	Addresses []netip.AddrPort
	TellEvery time.Duration
}

// version is what a stub speaks.
const version = wire.FeeFilterVersion

// Serve is the peer's end of a connection; it is what Network.Host wants. It returns
// when either end has hung up.
func (p *Peer) Serve(nc net.Conn) {
	t := &talk{peer: p, nc: nc, outbox: make(chan any, 4096), over: make(chan struct{})}
	if p.HangUp > 0 {
		defer time.AfterFunc(p.HangUp, func() { nc.Close() }).Stop()
	}
	var tasks sync.WaitGroup
	tasks.Go(t.write)
	tasks.Go(t.announce)
	t.read()
	close(t.over)
	nc.Close()
	tasks.Wait()
}

// talk is one connection of a peer.
type talk struct {
	peer   *Peer
	nc     net.Conn
	outbox chan any // messages, and bytes that are none
	over   chan struct{}
	ready  atomic.Bool // the handshake is over
}

// say sends a message, later. A peer that does not read loses the connection.
func (t *talk) say(msg any) {
	select {
	case t.outbox <- msg:
	default:
		t.nc.Close()
	}
}

func (t *talk) write() {
	for {
		select {
		case msg := <-t.outbox:
			if t.put(msg) != nil {
				t.nc.Close()
				return
			}
		case <-t.over:
			return
		}
	}
}

func (t *talk) put(what any) (err error) {
	switch what := what.(type) {
	case []byte:
		_, err = t.nc.Write(what)
	case wire.Message:
		_, err = wire.WriteMessageWithEncodingN(t.nc, what, version, t.peer.Net, wire.WitnessEncoding)
	}
	return err
}

func (t *talk) introduce() {
	nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	hello := wire.NewMsgVersion(nobody, nobody, uint64(time.Now().UnixNano()), 0)
	hello.ProtocolVersion, hello.Timestamp = int32(version), time.Now()
	hello.Services = wire.SFNodeNetwork | wire.SFNodeWitness
	if t.peer.Chain != nil {
		_, height, _ := t.peer.Chain.Tip()
		hello.LastBlock = int32(height)
	}
	t.say(hello)
}

// read answers messages until the connection ends.
func (t *talk) read() {
	t.introduce()
	for {
		_, msg, _, err := wire.ReadMessageWithEncodingN(t.nc, version, t.peer.Net, wire.WitnessEncoding)
		var malformed *wire.MessageError
		switch {
		case errors.Is(err, wire.ErrUnknownMessage) || errors.As(err, &malformed):
			continue
		case err != nil:
			return
		}
		t.answer(msg)
	}
}

func (t *talk) answer(msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.MsgVersion:
		t.say(wire.NewMsgVerAck())
	case *wire.MsgVerAck:
		t.begin()
	case *wire.MsgPing:
		t.say(wire.NewMsgPong(msg.Nonce))
	case *wire.MsgGetAddr:
		t.tellAddresses()
	case *wire.MsgGetHeaders:
		if t.peer.Chain != nil && !t.peer.Mute {
			t.say(t.peer.Chain.headersAfter(msg.BlockLocatorHashes))
		}
	case *wire.MsgGetData:
		t.deliver(msg.InvList)
	}
}

func (t *talk) begin() {
	t.peer.Sessions.Add(1)
	t.ready.Store(true)
	if t.peer.Junk {
		t.say([]byte("this is no message of the protocol, whatever its length"))
	}
}

func (t *talk) deliver(list []*wire.InvVect) {
	if t.peer.Chain == nil || t.peer.Mute || t.peer.Withhold {
		return
	}
	for _, want := range list {
		block := t.peer.Chain.block(want.Hash)
		if block == nil {
			continue
		}
		if t.peer.Mutate {
			block = block.Copy()
			block.Transactions[0].LockTime ^= 1
		}
		t.peer.Served.Add(1)
		t.say(block)
	}
}

// tellAddresses sends the addresses that the peer wants known, as many as fit into a
// message.
func (t *talk) tellAddresses() {
	msg := wire.NewMsgAddr()
	for _, at := range t.peer.Addresses {
		if len(msg.AddrList) == wire.MaxAddrPerMsg {
			break
		}
		msg.AddrList = append(msg.AddrList, wire.NewNetAddressTimestamp(time.Now(), wire.SFNodeNetwork|wire.SFNodeWitness, at.Addr().AsSlice(), at.Port()))
	}
	if len(msg.AddrList) > 0 {
		t.say(msg)
	}
}

// announce tells of new blocks and, again and again, of addresses.
func (t *talk) announce() {
	var due <-chan time.Time
	if t.peer.TellEvery > 0 {
		ticker := time.NewTicker(t.peer.TellEvery)
		defer ticker.Stop()
		due = ticker.C
	}
	for {
		var changed <-chan struct{}
		if t.peer.Chain != nil {
			_, _, changed = t.peer.Chain.Tip()
		}
		select {
		case <-changed:
			if t.ready.Load() && !t.peer.Mute {
				t.say(&wire.MsgHeaders{Headers: []*wire.BlockHeader{t.peer.Chain.last()}})
			}
		case <-due:
			if t.ready.Load() {
				t.tellAddresses()
			}
		case <-t.over:
			return
		}
	}
}
