package session

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// alarm is the earliest of the times that it was told.
type alarm struct {
	at  time.Time
	set bool
}

func (a *alarm) ring(t time.Time) {
	if !a.set || t.Before(a.at) {
		a.at, a.set = t, true
	}
}

// ringAfter is ring for what is not due at t itself.
func (a *alarm) ringAfter(t time.Time) { a.ring(t.Add(1)) }

// Due returns when a Tick has something to do, by the clock that Step is told; ok
// is false if only another input, or what Retry tells, can bring that about. It holds
// until the next Step.
func (s *Session) Due() (at time.Time, ok bool) {
	if s.ended {
		return at, false
	}
	var a alarm
	if s.cfg.Steady == nil {
		s.retryDue(&a)
	}
	if s.cfg.Type == p2p.PrivateBroadcast {
		a.ringAfter(s.opened.Add(s.privatePatience()))
		return a.at, a.set
	}
	s.inactivityDue(&a)
	if s.cfg.Type == p2p.AddrFetch {
		a.ringAfter(s.opened.Add(addrFetchTimeout))
	}
	if s.hs.complete {
		s.pingDue(&a)
		s.headersDue(&a)
		s.chainDue(&a)
		s.downloadDue(&a)
		s.txsDue(&a)
		s.feeFilterDue(&a)
		s.addressesDue(&a)
	}
	return a.at, a.set
}

// Retry returns when a Tick asks our own node once more for what it refused, by
// Config.Steady; ok is false if it need not, or if there is no such clock.
func (s *Session) Retry() (at time.Time, ok bool) {
	if s.ended || s.cfg.Steady == nil {
		return at, false
	}
	var a alarm
	s.retryDue(&a)
	return a.at, a.set
}

func (s *Session) retryDue(a *alarm) {
	if s.hs.complete && s.down.wantsLease(false) {
		a.ring(s.down.retryAt)
	}
}

func (s *Session) inactivityDue(a *alarm) {
	counts := s.opened.Add(s.cfg.PeerTimeout)
	if !s.ticked.After(counts) {
		a.ringAfter(counts)
		return
	}
	silent := s.traffic.LastSend
	if s.traffic.LastReceive.Before(silent) {
		silent = s.traffic.LastReceive
	}
	a.ringAfter(silent.Add(inactivityTimeout))
}

func (s *Session) pingDue(a *alarm) {
	switch {
	case s.ping.queued:
		a.ring(s.now)
	case s.ping.nonce == 0:
		a.ringAfter(s.ping.started.Add(pingInterval))
	default:
		a.ringAfter(latest(s.ping.started.Add(inactivityTimeout), s.opened.Add(s.cfg.PeerTimeout)))
	}
}

func (s *headerExchange) headersDue(a *alarm) {
	if s.wantsHeaders() {
		a.ring(s.headers.retryAt)
	}
	if h := &s.headers; h.started && !h.deadline.IsZero() {
		a.ringAfter(h.deadline)
	}
	if h := &s.headers; h.announced {
		a.ring(latest(h.repeatAt, h.requested.Add(h.answerTime()+1)))
	}
}

func (s *blockExchange) downloadDue(a *alarm) {
	if len(s.down.inFlight) > 0 {
		a.ringAfter(s.down.deadline)
	}
}

func (s *txExchange) txsDue(a *alarm) {
	if len(s.txOut.pending) > 0 {
		a.ring(s.txOut.nextInv)
	}
	if !s.txIn.due.IsZero() {
		a.ring(s.txIn.due)
	}
}

func (s *txExchange) feeFilterDue(a *alarm) {
	if s.tellsFeeFilter() {
		a.ringAfter(s.fee.next)
	}
}

func (s *addressExchange) addressesDue(a *alarm) {
	if len(s.addr.pending) > 0 && !s.addr.asking {
		a.ring(s.addr.next)
	}
	if s.announcesSelf() {
		a.ring(s.addr.nextSelf)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
