package session

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// conversation is what all exchanges with the peer share.
type conversation struct {
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

	tip    p2p.Tip
	hs     handshake
	upload upload
}

type pendingRequest struct {
	ordered bool
	then    func(body any, err error)
}

// errWrongReply is what a continuation sees if the shell answered with a
// body of another type.
var errWrongReply = errors.New("reply of the wrong type")

// ask makes a request. An ordered one suspends the peer's next messages until
// then has run.
func ask[Req, Rep any](s *conversation, ordered bool, method p2p.Method[Req, Rep], req Req, then func(Rep, error)) {
	if s.ended {
		return
	}
	s.nextID++
	if ordered {
		s.barrier++
	}
	s.pending[s.nextID] = pendingRequest{ordered: ordered, then: func(reply any, err error) {
		typed, ok := reply.(Rep)
		if err == nil && !ok {
			err = errWrongReply
		}
		then(typed, err)
	}}
	s.effects = append(s.effects, Request{ID: s.nextID, Method: string(method), Body: req, Reply: reflect.TypeFor[Rep]()})
}

// gather is ask for a stream, whose items the shell adds up to one.
func gather[Req, Item any](s *conversation, ordered bool, stream p2p.Stream[Req, Item], req Req, then func(Item, error)) {
	ask(s, ordered, p2p.Method[Req, Item](stream), req, then)
}

// steady returns the time by Config.Steady.
func (s *conversation) steady() time.Time {
	if s.cfg.Steady == nil {
		return s.now
	}
	return s.cfg.Steady()
}

func (s *conversation) reply(r Reply) {
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

func (s *conversation) send(messageType string, payload []byte) {
	if s.ended {
		return
	}
	// What a private connection says last is the sign that all before has been taken.
	s.emit(messageType, payload, urgentTypes[messageType] && s.cfg.Type != p2p.PrivateBroadcast)
}

// sendFirst is send for what is about the tip.
func (s *conversation) sendFirst(messageType string, payload []byte) {
	if !s.ended {
		s.emit(messageType, payload, true)
	}
}

func (s *conversation) emit(messageType string, payload []byte, first bool) {
	s.logf("net", "sending %s (%d bytes) peer=%d", messageType, len(payload), s.cfg.Peer)
	s.upload.sent += messageOverhead + uint64(len(payload))
	s.effects = append(s.effects, Send{Type: messageType, Payload: payload, First: first})
}

// urgentTypes may overtake blocks that are served: they are small, they keep us at the
// tip, and none answers what the peer asked for before something else. A pong is none
// of them, as its peer may take it for the sign that all before it has been answered,
// and headers are only if they are few: see sendHeaders.
var urgentTypes = map[string]bool{
	wire.CmdGetHeaders: true, wire.CmdGetData: true, wire.CmdPing: true,
	cmdCompactBlock: true, cmdGetBlockTxs: true,
}

func (s *conversation) logf(category, format string, args ...any) {
	if s.cfg.LogEnabled != nil && category != "" && !s.cfg.LogEnabled(category) {
		return
	}
	s.effects = append(s.effects, Log{Category: category, Text: fmt.Sprintf(format, args...)})
}

// logMalformed tells of a message that cannot be read, which ends nothing.
func (s *conversation) logMalformed(messageType string, size int, what string) {
	s.logf("net", "ProcessMessages(%s, %d bytes): Exception '%s' (malformed message) caught", sanitize(messageType), size, what)
}

// disconnect logs the reason, in the words of Bitcoin Core, followed by "disconnecting peer=N", and ends
// the session.
func (s *conversation) disconnect(code p2p.DisconnectReason, format string, args ...any) {
	s.disconnectLogged(code, "net", format, args...)
}

func (s *conversation) disconnectLogged(code p2p.DisconnectReason, category, format string, args ...any) {
	if s.ended {
		return
	}
	reason := fmt.Sprintf(format, args...)
	s.logf(category, "%s, disconnecting %s", reason, s.name)
	s.end(Disconnect{Code: code, Reason: reason})
}

// kicked ends the session on the shell's wish. Without a reason, the
// shell has logged why.
func (s *conversation) kicked(k Kick) {
	if k.Reason == "" {
		s.end(Disconnect{Code: k.Code})
		return
	}
	s.disconnect(k.Code, "%s", k.Reason)
}

func (s *conversation) end(d Disconnect) {
	s.ended = true
	s.held = heldQueue{}
	s.effects = append(s.effects, d)
}

// misbehaving disconnects a peer that broke the rules, unless it may.
func (s *conversation) misbehaving(format string, args ...any) {
	if s.ended {
		return
	}
	reason := fmt.Sprintf(format, args...)
	s.logf("net", "Misbehaving: peer=%d: %s", s.cfg.Peer, reason)
	switch {
	case s.cfg.Permissions.Has(p2p.NoBan):
		s.logf("", "Not punishing noban peer %d!", s.cfg.Peer)
	case s.cfg.Type == p2p.Manual:
		s.logf("", "Not punishing manually connected peer %d!", s.cfg.Peer)
	case s.cfg.Local:
		s.logf("net", "Warning: disconnecting but not discouraging local peer %d!", s.cfg.Peer)
		s.end(Disconnect{Code: p2p.Misbehaved, Reason: reason})
	default:
		s.logf("net", "Disconnecting and discouraging peer %d!", s.cfg.Peer)
		s.end(Disconnect{Code: p2p.Misbehaved, Reason: reason, Discourage: true})
	}
}

// transport names how the connection is framed.
func (s *conversation) transport() string {
	if s.cfg.Transport == nil {
		return "v1"
	}
	return s.cfg.Transport()
}

// outbound reports whether we made the connection, for whatever reason.
func (s *conversation) outbound() bool { return s.cfg.Type != p2p.Inbound }

// blockRelayOnly reports whether the peer must not be asked or told about
// transactions and addresses.
func (s *conversation) blockRelayOnly() bool { return s.cfg.Type == p2p.BlockRelayOnly }

// rejectsTxs reports whether the peer may not send us transactions.
func (s *conversation) rejectsTxs() bool {
	return s.blockRelayOnly() || s.cfg.Type == p2p.Feeler ||
		s.cfg.BlocksOnly && !s.cfg.Permissions.Has(p2p.Relay)
}

// servesBlocks reports whether the peer has blocks for us, with witnesses.
func (s *conversation) servesBlocks() bool {
	return s.hs.peer.Services&(wire.SFNodeNetwork|wire.SFNodeNetworkLimited) != 0 &&
		s.hs.peer.Services&wire.SFNodeWitness != 0
}
