package session

import "time"

// How long, and for how many bytes that come first, a peer that owes us something is
// excused because we do not read all that it sends. It could send anything else to be
// held up for ever, and hold up the whole download with it.
const (
	maxHeldUp = 30 * time.Minute
	// maxAhead is more than an honest peer may have sent before it is asked, or while
	// it reads a block from its disk.
	maxAhead = 2 * MaxHeldBytes
)

// excuse is what has been excused by now since the peer last sent what it owed.
type excuse struct {
	since time.Time // zero if nothing was
	ahead int       // bytes of messages that came instead
}

// excused reports whether rates of ours make the peer late.
func (s *conversation) excused(e *excuse) bool {
	if s.cfg.HeldUp == nil || !s.cfg.HeldUp() {
		return false
	}
	if e.since.IsZero() {
		e.since = s.now
	}
	return s.now.Sub(e.since) <= maxHeldUp && e.ahead <= maxAhead
}
