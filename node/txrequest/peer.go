package txrequest

import (
	"container/heap"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/download"
)

// peer is one who announced something.
type peer struct {
	holder   download.Holder
	by       map[chainhash.Hash]*announcement
	due      schedule
	inFlight int
}

// peer returns a peer as it is, or a new one that nothing is known of.
func (t *Tracker) peer(h download.Holder) *peer {
	if p := t.peers[h]; p != nil {
		return p
	}
	return &peer{holder: h, by: map[chainhash.Hash]*announcement{}}
}

// postpone has an announcement looked at at another time.
func (p *peer) postpone(a *announcement, until time.Time) {
	a.due = until
	heap.Fix(&p.due, a.at)
}

func (a *announcement) name() Name { return Name{Hash: a.tx.hash, Wtxid: a.wtxid} }

// candidate reports whether a peer may be asked for what it announced.
func (a *announcement) candidate(now time.Time) bool {
	return !a.failed && a != a.tx.requested && !a.ready.After(now)
}

// preferred returns the announcement of a preferred peer that may be asked, or nil.
func (tx *transaction) preferred(now time.Time) *announcement {
	if tx.better == 0 {
		return nil // there may be many by who are not
	}
	for _, a := range tx.by {
		if a.preferred && a.candidate(now) {
			return a
		}
	}
	return nil
}

// pass fails an announcement and, if its peer was asked, makes another one due.
func (t *Tracker) pass(a *announcement, now time.Time) (wake []download.Holder) {
	tx, asked := a.tx, a.tx.requested == a
	t.fail(a)
	if !asked {
		return nil
	}
	var next *announcement
	seen := 0
	for _, other := range tx.by {
		if !other.candidate(now) || next != nil && next.preferred && !other.preferred {
			continue
		}
		if next == nil || other.preferred != next.preferred {
			next, seen = other, 0
		}
		// Of equals, one by lot: nobody can see to it that it is the one.
		if seen++; t.random(seen) == 0 {
			next = other
		}
	}
	for _, other := range tx.by {
		if next != nil && !other.failed {
			other.peer.postpone(other, latest(other.ready, now.Add(grace)))
		}
	}
	if next == nil {
		return nil // those that are not ready come by themselves
	}
	if next.preferred {
		tx.told = now
	}
	next.peer.postpone(next, now)
	return []download.Holder{next.peer.holder}
}

// fail notes that a peer is not to be asked again for what it announced. A
// transaction for which nobody is left is forgotten.
func (t *Tracker) fail(a *announcement) {
	if a.tx.requested == a {
		a.tx.requested = nil
		a.peer.inFlight--
	}
	a.lose()
	a.failed = true
	if a.at >= 0 {
		heap.Remove(&a.peer.due, a.at)
	}
	t.forgetIfHopeless(a.tx)
}

func (t *Tracker) forgetIfHopeless(tx *transaction) {
	if !slices.ContainsFunc(tx.by, func(a *announcement) bool { return !a.failed }) {
		t.Forget(tx.hash)
	}
}

// lose takes an announcement off the count of the better ones.
func (a *announcement) lose() {
	if a.preferred && !a.failed {
		a.tx.better--
	}
}

// remove takes an announcement out of its transaction.
func (t *Tracker) remove(a *announcement) {
	if t.txs[a.tx.hash] != a.tx {
		return // forgotten as a whole
	}
	a.lose()
	a.tx.by = slices.DeleteFunc(a.tx.by, func(other *announcement) bool { return other == a })
	t.detach(a)
	t.forgetIfHopeless(a.tx)
}

// detach takes an announcement away from its peer.
func (t *Tracker) detach(a *announcement) {
	delete(a.peer.by, a.tx.hash)
	if a.at >= 0 {
		heap.Remove(&a.peer.due, a.at)
	}
	t.dismiss(a.peer)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// schedule is a heap of what is due first.
type schedule []*announcement

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].due.Before(s[j].due) }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i]; s[i].at, s[j].at = i, j }

func (s *schedule) Push(x any) {
	a := x.(*announcement)
	a.at = len(*s)
	*s = append(*s, a)
}

func (s *schedule) Pop() any {
	old := *s
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*s = old[:len(old)-1]
	a.at = -1
	return a
}
