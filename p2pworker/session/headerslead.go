package session

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// setDeadline notes how long the peer has to tell all its headers, in milliseconds; 0 for
// any time.
func (h *headerSync) setDeadline(now time.Time, patience int64) {
	h.deadline, h.heldUp = time.Time{}, excuse{}
	if patience > 0 {
		h.deadline = now.Add(time.Duration(patience) * time.Millisecond)
	}
}

// checkLead gives up a peer that was to tell all its headers and is too slow, if there is
// another one to ask, and if it is not for us that it is slow.
func (s *headerExchange) checkLead() {
	h := &s.headers
	if s.ended || !h.started || h.deadline.IsZero() || !s.now.After(h.deadline) {
		return
	}
	h.deadline = s.now.Add(headersRetry)
	if s.excused(&h.heldUp) {
		return
	}
	ask(s.conversation, false, p2p.GetLocator, p2p.LocatorRequest{Peer: s.cfg.Peer, Overdue: true}, func(l p2p.LocatorReply, err error) {
		switch {
		case err != nil:
		case l.Over:
			h.deadline = time.Time{}
		case l.Late && s.cfg.Permissions.Has(p2p.NoBan):
			s.logf("", "Timeout downloading headers from noban peer, not disconnecting %s", s.name)
			h.started, h.deadline, h.retryAt = false, time.Time{}, s.now.Add(headersRetry)
		case l.Late:
			s.disconnectLogged(p2p.HeadersTimeout, "", "Timeout downloading headers")
		}
	})
}
