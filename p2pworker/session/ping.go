package session

import (
	"encoding/binary"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// pinger keeps the bookkeeping of our pings (BIP31).
type pinger struct {
	queued  bool
	nonce   uint64 // of the ping without an answer, 0 if there is none
	started time.Time
	last    time.Duration
	lowest  time.Duration
	count   int
}

// maybePing sends a ping when one is due, or gives the peer up when the last
// one has been without an answer for too long.
func (s *Session) maybePing() {
	if !s.hs.complete || s.ended {
		return
	}
	waited := s.now.Sub(s.ping.started)
	if s.ping.nonce != 0 && waited > inactivityTimeout && s.inactivityCounts() {
		s.disconnect(p2p.PingTimeout, "ping timeout: %.6fs", waited.Seconds())
		return
	}
	if !s.ping.queued && (s.ping.nonce != 0 || waited <= pingInterval) {
		return
	}
	s.ping.queued = false
	s.ping.started = s.now
	if s.hs.common <= pongVersion {
		s.send(wire.CmdPing, nil)
		return
	}
	s.ping.nonce = max(s.cfg.Random(), 1)
	s.send(wire.CmdPing, binary.LittleEndian.AppendUint64(nil, s.ping.nonce))
}

func (s *Session) onPing(r *reader) error {
	if s.hs.common <= pongVersion {
		return nil
	}
	nonce := r.take(8)
	if r.err != nil {
		return r.err
	}
	s.send(wire.CmdPong, nonce)
	return nil
}

func (s *Session) onPong(m Message) error {
	var nonce uint64
	expected, problem, finished := s.ping.nonce, "", false
	if len(m.Payload) >= 8 {
		nonce = binary.LittleEndian.Uint64(m.Payload)
	}
	switch {
	case len(m.Payload) < 8:
		problem, finished = "Short payload", true
	case expected == 0:
		problem = "Unsolicited pong without ping"
	case nonce == expected:
		finished = true
		s.ping.answered(m.ReceivedAt.Sub(s.ping.started))
	case nonce == 0:
		// Most likely a defect of another implementation: cancel this ping.
		problem, finished = "Nonce zero", true
	default:
		problem = "Nonce mismatch" // normal when pings overlap
	}
	if problem != "" {
		s.logf("net", "pong peer=%d: %s, %x expected, %x received, %d bytes",
			s.cfg.Peer, problem, expected, nonce, len(m.Payload))
	}
	if finished {
		s.ping.nonce = 0
	}
	return nil
}

func (p *pinger) answered(took time.Duration) {
	took = max(took, 0)
	p.last = took
	if p.count == 0 || took < p.lowest {
		p.lowest = took
	}
	p.count++
}
