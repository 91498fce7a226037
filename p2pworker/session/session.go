package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

// Session is the state of one connection. See the package comment.
type Session struct {
	cfg     Config
	name    string // "peer=N", with the address if wanted
	now     time.Time
	opened  time.Time
	effects []Effect
	ended   bool

	nextID  uint64
	pending map[uint64]pendingRequest
	// barrier counts requests that must be answered before the next message.
	barrier int
	held    heldQueue

	tip       Tip
	hs        handshake
	ping      pinger
	headers   headerSync
	down      download
	announcer announcer
	serving   []wire.InvVect // what getdata asked for and was not served yet
	missing   []wire.InvVect // of it, what we do not have
	txIn      txDownload
	txOut     txRelay
	addr      addressRelay
	fee       feeFilter
}

type pendingRequest struct {
	ordered bool
	then    func(body any, err error)
}

// errWrongReply is what a continuation sees if the shell answered with a
// body of another type.
var errWrongReply = errors.New("reply of the wrong type")

// New returns the session of a connection. It does nothing before Opened.
func New(cfg Config) *Session {
	s := &Session{cfg: cfg, pending: make(map[uint64]pendingRequest), tip: cfg.Tip}
	s.name = fmt.Sprintf("peer=%d", cfg.Peer)
	if cfg.LogIPs {
		s.name += ", peeraddr=" + cfg.Address
	}
	s.txOut.init()
	s.down.init()
	s.announcer.init()
	return s
}

// Step handles one input and returns what is to be done, in order. The slice
// is valid until the next Step.
func (s *Session) Step(now time.Time, in Input) []Effect {
	s.now = now
	s.effects = s.effects[:0]
	if s.ended {
		return nil
	}
	s.dispatch(in)
	s.processHeld()
	return s.effects
}

// Full reports that no further Message may be delivered for now.
func (s *Session) Full() bool {
	return s.held.bytes >= MaxHeldBytes || s.held.len() >= MaxHeldMessages
}

func (s *Session) dispatch(in Input) {
	switch in := in.(type) {
	case Opened:
		s.open()
	case Message:
		s.held.push(in)
	case Tick:
		s.tick(in)
	case Reply:
		s.reply(in)
	case TipChanged:
		s.tipChanged(in)
	case TxsAnnounced:
		s.queueTxs(in.Txs)
	case RelayAddresses:
		s.queueAddresses(in.Addresses)
	case NodeRestarted:
		s.restartSync()
	case PingNow:
		s.ping.queued = true
		s.maybePing()
	case Blamed:
		s.judgeBlock(Verdict{Reject: in.Reason, Misbehaving: true})
	case Kick:
		s.kicked(in.Reason)
	case SendRaw:
		s.send(in.Type, in.Payload)
	}
}

func (s *Session) open() {
	s.opened = s.now
	if s.cfg.Type != Inbound {
		s.sendVersion()
	}
}

// tick runs everything that depends on time alone.
func (s *Session) tick(t Tick) {
	s.checkInactivity(t)
	s.checkAddrFetch()
	if s.ended || !s.hs.complete {
		return
	}
	s.maybePing()
	s.syncHeaders()
	s.repeatGetHeaders()
	s.continueDownload()
	s.trickleTxs()
	s.askForDelayedTxs()
	s.trickleAddresses()
	s.maybeSendFeeFilter()
}

func (s *Session) reply(r Reply) {
	p, ok := s.pending[r.ID]
	if !ok {
		return
	}
	delete(s.pending, r.ID)
	if p.ordered {
		s.barrier--
	}
	p.then(r.Body, r.Err)
}

// ask makes a request. An ordered one suspends the peer's next messages until
// then has run.
func ask[T any](s *Session, ordered bool, body any, then func(T, error)) {
	s.nextID++
	if ordered {
		s.barrier++
	}
	s.pending[s.nextID] = pendingRequest{ordered: ordered, then: func(reply any, err error) {
		typed, ok := reply.(T)
		if err == nil && !ok {
			err = errWrongReply
		}
		then(typed, err)
	}}
	s.effects = append(s.effects, Request{ID: s.nextID, Body: body})
}

func (s *Session) processHeld() {
	for !s.ended && s.held.len() > 0 && s.mayProcess(s.held.first()) {
		s.handle(s.held.pop())
		// What is due by now is told before the next message is answered.
		if !s.ended && s.hs.complete {
			s.trickleTxs()
		}
	}
}

// mayProcess implements the order guarantee.
func (s *Session) mayProcess(m *Message) bool {
	if s.barrier > 0 {
		return false
	}
	if m.Type == wire.CmdBlock && s.hs.complete && s.down.requested(m.Payload) {
		return s.down.mayHandOver(len(m.Payload))
	}
	return s.down.submissions == 0
}

// handle processes one message of the peer.
func (s *Session) handle(m Message) {
	s.logf("net", "received: %s (%d bytes) peer=%d", sanitize(m.Type), len(m.Payload), s.cfg.Peer)
	if err := s.process(m); err != nil {
		s.logf("net", "ProcessMessages(%s, %d bytes): Exception '%s' (malformed message) caught",
			sanitize(m.Type), len(m.Payload), err)
	}
}

func (s *Session) send(messageType string, payload []byte) {
	if s.ended {
		return
	}
	s.logf("net", "sending %s (%d bytes) peer=%d", messageType, len(payload), s.cfg.Peer)
	s.effects = append(s.effects, Send{Type: messageType, Payload: payload})
}

func (s *Session) logf(category, format string, args ...any) {
	if s.cfg.LogEnabled != nil && category != "" && !s.cfg.LogEnabled(category) {
		return
	}
	s.effects = append(s.effects, Log{Category: category, Text: fmt.Sprintf(format, args...)})
}

// disconnect logs the reason, followed by "disconnecting peer=N", and ends
// the session.
func (s *Session) disconnect(format string, args ...any) {
	s.disconnectLogged("net", format, args...)
}

func (s *Session) disconnectLogged(category, format string, args ...any) {
	if s.ended {
		return
	}
	reason := fmt.Sprintf(format, args...)
	s.logf(category, "%s, disconnecting %s", reason, s.name)
	s.end(Disconnect{Reason: reason})
}

// kicked ends the session on the shell's wish. Without a reason, whoever
// wished it has logged why.
func (s *Session) kicked(reason string) {
	if reason == "" {
		s.end(Disconnect{})
		return
	}
	s.disconnect("%s", reason)
}

func (s *Session) end(d Disconnect) {
	s.ended = true
	s.held = heldQueue{}
	s.effects = append(s.effects, d)
}

// misbehaving disconnects a peer that broke the rules, unless it may.
func (s *Session) misbehaving(format string, args ...any) {
	if s.ended {
		return
	}
	reason := fmt.Sprintf(format, args...)
	s.logf("net", "Misbehaving: peer=%d: %s", s.cfg.Peer, reason)
	switch {
	case s.cfg.Permissions.NoBan:
		s.logf("", "Not punishing noban peer %d!", s.cfg.Peer)
	case s.cfg.Type == Manual:
		s.logf("", "Not punishing manually connected peer %d!", s.cfg.Peer)
	case s.cfg.Local:
		s.logf("net", "Warning: disconnecting but not discouraging local peer %d!", s.cfg.Peer)
		s.end(Disconnect{Reason: reason})
	default:
		s.logf("net", "Disconnecting and discouraging peer %d!", s.cfg.Peer)
		s.end(Disconnect{Reason: reason, Discourage: true})
	}
}

// outbound reports whether we made the connection, for whatever reason.
func (s *Session) outbound() bool { return s.cfg.Type != Inbound }

// blockRelayOnly reports whether the peer must not be asked or told about
// transactions and addresses.
func (s *Session) blockRelayOnly() bool { return s.cfg.Type == BlockRelayOnly }

// rejectsTxs reports whether the peer may not send us transactions.
func (s *Session) rejectsTxs() bool {
	return s.blockRelayOnly() || s.cfg.Type == Feeler ||
		s.cfg.BlocksOnly && !s.cfg.Permissions.Relay
}

// servesBlocks reports whether the peer has blocks for us, with witnesses.
func (s *Session) servesBlocks() bool {
	return s.hs.peer.Services&(wire.SFNodeNetwork|wire.SFNodeNetworkLimited) != 0 &&
		s.hs.peer.Services&wire.SFNodeWitness != 0
}
