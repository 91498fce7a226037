package txrequest

import "github.com/bulkheadnode/bulkhead/node/download"

// crew are the peers of one worker that have announced something. Nothing is known of
// the peers of a worker but what it says: it may make up as many as it likes.
type crew struct {
	peers map[*peer]struct{}
	total int // announcements
}

// share is how many announcements a peer may have while there are too many: workers
// have the same part of all, and peers of their worker's.
func (t *Tracker) share(h download.Holder) int {
	workers, mates := len(t.crews), 1
	if c := t.crews[h.Worker]; c == nil {
		workers++
	} else if mates = len(c.peers); t.peers[h] == nil {
		mates++
	}
	return maxTotal / workers / mates
}

// enlist counts a peer's next announcement.
func (t *Tracker) enlist(p *peer) {
	c := t.crews[p.holder.Worker]
	if c == nil {
		c = &crew{peers: map[*peer]struct{}{}}
		t.crews[p.holder.Worker] = c
	}
	c.peers[p] = struct{}{}
	c.total++
	t.peers[p.holder] = p
	t.total++
}

// dismiss is the reverse of enlist, when the announcement is not the peer's any more.
func (t *Tracker) dismiss(p *peer) {
	c := t.crews[p.holder.Worker]
	c.total--
	t.total--
	if len(p.by) == 0 {
		delete(t.peers, p.holder)
		delete(c.peers, p)
	}
	if len(c.peers) == 0 {
		delete(t.crews, p.holder.Worker)
	}
}

// relieve makes room: of the worker that has the most, those peers lose half of their
// announcements that have no fewer than it has on average. That is at least half as
// many as it has peers, so that looking at all of them is not often.
func (t *Tracker) relieve() {
	var worst *crew
	for _, c := range t.crews {
		if worst == nil || c.total > worst.total {
			worst = c
		}
	}
	average := worst.total / len(worst.peers)
	for p := range worst.peers {
		if len(p.by) < average {
			continue
		}
		left := len(p.by) / 2
		for _, a := range p.by {
			if len(p.by) <= left {
				break
			}
			t.evict(a)
		}
	}
}

// evict forgets an announcement for want of room. If its peer was asked, others are
// when that request would have been late.
func (t *Tracker) evict(a *announcement) {
	if a.tx.requested == a {
		a.tx.requested = nil
		a.peer.inFlight--
	}
	t.remove(a)
}
