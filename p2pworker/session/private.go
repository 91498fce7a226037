package session

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// What a connection that sends one transaction of our user's tells of itself, as that of
// any other node of this kind: the version is the one from which on there are wtxids.
const (
	privateVersion   = wtxidRelayVersion
	privateUserAgent = "/pynode:0.0.1/"
)

// privateLifetime is how long it may last.
const privateLifetime = 3 * time.Minute

// privateSend is the sending of one transaction over a connection that was made for it.
// It takes part in nothing else: the peer is told what every node of this kind tells, and
// what it tells and asks beyond the transaction is not heard.
type privateSend struct {
	txid   chainhash.Hash
	tx     []byte // nil before the node has said which
	served bool
}

// stepPrivate is Step for such a connection. What is told to all sessions is not for it.
func (s *Session) stepPrivate(in Input) {
	switch in := in.(type) {
	case Opened:
		s.opened = s.now
		s.sendPrivateVersion()
	case Message:
		s.held.push(in)
	case Tick:
		if most := s.privatePatience(); s.now.Sub(s.opened) > most {
			s.endPrivate(p2p.PrivateTimeout, "Disconnecting: the transaction was not sent within %d seconds", most/time.Second)
		}
	case Reply:
		s.reply(in)
	case Kick:
		s.kicked(in)
	}
	for !s.ended && s.barrier == 0 && s.held.len() > 0 {
		m := s.held.pop()
		s.logReceived(&m)
		if err := s.hearPrivate(m); err != nil {
			s.logMalformed(m.Type, len(m.Payload), err.Error())
		}
	}
}

// privatePatience is how long the connection may last as things are: a peer that says
// nothing at all is given up as any other.
func (s *Session) privatePatience() time.Duration {
	if !s.hs.complete {
		return min(s.cfg.PeerTimeout, privateLifetime)
	}
	return privateLifetime
}

func (s *conversation) endPrivate(code p2p.DisconnectReason, format string, args ...any) {
	s.disconnectLogged(code, "privatebroadcast", format, args...)
}

// sendPrivateVersion announces us in a way that tells nothing but the nonce.
func (s *Session) sendPrivateVersion() {
	b := binary.LittleEndian.AppendUint32(nil, privateVersion)
	b = binary.LittleEndian.AppendUint64(b, 0) // services
	b = binary.LittleEndian.AppendUint64(b, 0) // time
	b = appendVersionAddress(b, 0, netip.AddrPort{})
	b = appendVersionAddress(b, 0, netip.AddrPort{})
	b = binary.LittleEndian.AppendUint64(b, s.cfg.Nonce)
	b = append(appendSize(b, len(privateUserAgent)), privateUserAgent...)
	b = binary.LittleEndian.AppendUint32(b, 0) // height
	b = append(b, boolByte(false))
	s.send(wire.CmdVersion, b)
}

// hearPrivate is the table of messages of such a connection.
func (s *Session) hearPrivate(m Message) error {
	r := &reader{b: m.Payload}
	switch {
	case m.Type == wire.CmdVersion && s.hs.peer.Version == 0:
		return s.onPrivateVersion(r)
	case m.Type == wire.CmdVerAck && s.hs.peer.Version != 0 && !s.hs.complete:
		s.onPrivateVerAck()
	case m.Type == wire.CmdGetData && s.hs.complete:
		return s.onPrivateGetData(r)
	case m.Type == wire.CmdPong && s.hs.complete:
		return s.onPrivatePong(m)
	default:
		s.logf("privatebroadcast", "Ignoring incoming message '%s', %s", sanitize(m.Type), s.name)
	}
	return nil
}

func (s *Session) onPrivateVersion(r *reader) error {
	v, nonce, err := readVersion(r)
	if err != nil || s.refusesVersion(v, nonce) {
		return err
	}
	s.hs.peer, s.hs.common = v, min(v.Version, privateVersion)
	if !v.Relay {
		s.endPrivate(p2p.LacksServices, "Disconnecting: does not support transaction relay (connected in vain)")
		return nil
	}
	s.send(wire.CmdVerAck, nil)
	return nil
}

// onPrivateVerAck asks the node what to send. Only then the manager hears that the peer
// is there: until then it counts on one more that wants a transaction.
func (s *Session) onPrivateVerAck() {
	s.hs.complete = true
	s.logf("", "New %s peer connected: transport: %s, version: %d, %s", s.cfg.Type, s.transport(), s.hs.peer.Version, s.name)
	s.effects = append(s.effects, Ready{})
	ask(s.conversation, true, p2p.TakePrivate, p2p.TakePrivateRequest{Peer: s.cfg.Peer, Address: s.cfg.Address}, func(t p2p.TakePrivateReply, err error) {
		raw := t.First()
		if err != nil || !t.Found || len(raw) == 0 {
			s.endPrivate(p2p.PrivateDone, "Disconnecting: no more transactions for private broadcast (connected in vain)")
			return
		}
		s.private.txid, s.private.tx = t.Txid, raw
		ask(s.conversation, false, p2p.IntroducePeer, p2p.IntroducePeerRequest{
			Peer: s.cfg.Peer, Version: s.hs.peer.Version, Services: uint64(s.hs.peer.Services), UserAgent: s.hs.peer.UserAgent,
		}, func(p2p.IntroducePeerReply, error) {})
		s.logf("privatebroadcast", "P2P handshake completed, sending INV for txid=%s, %s", t.Txid, s.name)
		s.send(wire.CmdInv, encodeInventory([]wire.InvVect{{Type: wire.InvTypeTx, Hash: t.Txid}}))
	})
}

// onPrivateGetData serves the transaction once, and asks the peer for a sign that it has
// it. Who wants anything else may be trying to find out who we are.
func (s *Session) onPrivateGetData(r *reader) error {
	list, n := r.inventory()
	if r.err != nil {
		return r.err
	}
	ours := n == 1 && len(list) == 1 && (list[0].Type == wire.InvTypeTx || list[0].Type == wire.InvTypeWitnessTx) && list[0].Hash == s.private.txid
	switch {
	case !ours:
		s.endPrivate(p2p.BrokeProtocol, "Disconnecting: got an unexpected GETDATA message")
	case !s.private.served:
		s.private.served = true
		s.send(wire.CmdTx, s.private.tx)
		s.ping.queued = true
		s.maybePing()
	}
	return nil
}

// onPrivatePong ends the connection, once the node knows that the peer has what was
// before the ping.
func (s *Session) onPrivatePong(m Message) error {
	if err := s.onPong(m); err != nil || s.ping.count == 0 {
		return err
	}
	ask(s.conversation, true, p2p.ConfirmPrivate, p2p.ConfirmPrivateRequest{Peer: s.cfg.Peer}, func(p2p.Done, error) {
		s.endPrivate(p2p.PrivateDone, "Got a PONG (the transaction will probably reach the network)")
	})
	return nil
}
