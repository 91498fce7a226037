package session

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// inactivityCounts reports whether the connection is old enough for the
// time-outs of silence to apply (-peertimeout).
func (s *conversation) inactivityCounts() bool {
	return s.now.Sub(s.opened) > s.cfg.PeerTimeout
}

// addrFetchTimeout is how long a peer may take that was connected to for its
// addresses alone.
const addrFetchTimeout = 10 * addressTrickle

// checkAddrFetch ends such a connection when it has brought none in time.
func (s *Session) checkAddrFetch() {
	if s.cfg.Type == p2p.AddrFetch && s.now.Sub(s.opened) > addrFetchTimeout {
		s.disconnect(p2p.AddrFetchTimed, "addrfetch connection timeout")
	}
}

// checkInactivity ends connections on which nothing happens.
func (s *Session) checkInactivity(t Tick) {
	if !s.inactivityCounts() {
		return
	}
	sent, received := !t.LastSend.IsZero(), !t.LastReceive.IsZero()
	switch {
	case !sent || !received:
		never := ""
		if !received {
			never += ", never received from peer"
		}
		if !sent {
			never += ", never sent to peer"
		}
		s.disconnect(p2p.SilenceTimeout, "socket no message in first %d seconds%s", int(s.cfg.PeerTimeout/time.Second), never)
	case s.now.Sub(t.LastSend) > inactivityTimeout:
		s.disconnect(p2p.SilenceTimeout, "socket sending timeout: %ds", int(s.now.Sub(t.LastSend)/time.Second))
	case s.now.Sub(t.LastReceive) > inactivityTimeout:
		s.disconnect(p2p.SilenceTimeout, "socket receive timeout: %ds", int(s.now.Sub(t.LastReceive)/time.Second))
	case !s.hs.complete && s.transport() == "detecting":
		s.disconnect(p2p.HandshakeTimeout, "V2 handshake timeout")
	case !s.hs.complete:
		s.disconnect(p2p.HandshakeTimeout, "version handshake timeout")
	}
}
