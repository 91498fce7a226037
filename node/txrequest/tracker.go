package txrequest

import (
	"container/heap"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/download"
)

// Limits and delays, as Bitcoin Core's where it has them.
const (
	// Patience is how long a peer that was asked for a transaction may take.
	Patience = time.Minute
	// MaxInFlight is how many requests a peer may have open before its
	// announcements are delayed.
	MaxInFlight = 100
	// MaxAnnouncements is how many announcements of a peer are remembered,
	// maxUnlimited of one that has permission to relay.
	MaxAnnouncements = 5000
	maxUnlimited     = 100_000
	// maxTotal is how many of all peers are, before each may have its share only.
	// Beyond twice as many, who has the most makes room.
	maxTotal = 300_000
	// grace is how long preferred peers may take to come and ask, of which one was
	// told, before another one may.
	grace = time.Second
)

// Name is how a transaction was announced: by txid or, if Wtxid, by wtxid.
type Name struct {
	Hash  chainhash.Hash
	Wtxid bool
}

// Source is a peer as it announces.
type Source struct {
	Peer      download.Holder
	Preferred bool // we chose it, or trust it
	Unlimited bool // it has permission to relay
}

// Tracker remembers announcements.
type Tracker struct {
	random func(n int) int
	txs    map[chainhash.Hash]*transaction
	peers  map[download.Holder]*peer
	crews  map[string]*crew // by worker
	total  int
}

// transaction is what was announced by somebody.
type transaction struct {
	hash      chainhash.Hash
	by        []*announcement
	requested *announcement // nil if nobody is asked
	expires   time.Time     // of the request
	better    int           // of by, those of preferred peers that have not failed
	told      time.Time     // when a preferred one was, since somebody was asked; zero if none was
}

// announcement is one peer's of one transaction.
type announcement struct {
	tx        *transaction
	peer      *peer
	wtxid     bool
	preferred bool
	failed    bool      // its peer is not asked again
	ready     time.Time // when its peer may be asked at the earliest
	due       time.Time // when it is worth looking again
	at        int       // in the peer's heap; -1 if not
}

// New returns an empty Tracker. random returns a number below n: of peers that are
// equal one is chosen by lot.
func New(random func(n int) int) *Tracker {
	return &Tracker{
		random: random, txs: map[chainhash.Hash]*transaction{}, peers: map[download.Holder]*peer{}, crews: map[string]*crew{},
	}
}

// Len returns how many announcements there are.
func (t *Tracker) Len() int { return t.total }

// Count returns how many announcements of a peer there are.
func (t *Tracker) Count(h download.Holder) int { return len(t.peer(h).by) }

// Overloaded reports whether a peer has so many requests open that its next
// announcements are to be delayed.
func (t *Tracker) Overloaded(s Source) bool {
	return !s.Unlimited && t.peer(s.Peer).inFlight >= MaxInFlight
}

// MayAnnounce reports whether so many more announcements of a peer would be kept.
func (t *Tracker) MayAnnounce(s Source, more int) bool {
	limit := MaxAnnouncements
	if s.Unlimited {
		limit = maxUnlimited
	}
	if t.total+more > maxTotal {
		limit = min(limit, t.share(s.Peer))
	}
	return t.Count(s.Peer)+more <= limit
}

// Announce notes that a peer has a transaction and may be asked for it once it is
// ready. It reports false if there is no room. What the peer has announced already
// stays as it is.
func (t *Tracker) Announce(s Source, name Name, ready time.Time) bool {
	if t.peer(s.Peer).by[name.Hash] != nil {
		return true
	}
	if !t.MayAnnounce(s, 1) {
		return false
	}
	if t.total >= 2*maxTotal {
		t.relieve()
	}
	p := t.peer(s.Peer)
	tx := t.txs[name.Hash]
	if tx == nil {
		tx = &transaction{hash: name.Hash}
		t.txs[name.Hash] = tx
	}
	a := &announcement{tx: tx, peer: p, wtxid: name.Wtxid, preferred: s.Preferred, ready: ready, due: ready}
	tx.by = append(tx.by, a)
	if s.Preferred {
		tx.better++
	}
	p.by[name.Hash] = a
	heap.Push(&p.due, a)
	t.enlist(p)
	return true
}

// Late is a request that was not answered in time.
type Late struct {
	Name Name
	Peer download.Holder
}

// Turn is what is to be done when a peer comes and asks.
type Turn struct {
	Ask  []Name            // what to request from the peer
	Next time.Time         // when it is to come again; zero if it need not
	Late []Late            // requests that were given up
	Wake []download.Holder // who is to come, too
}

// Come tells what a peer is to be asked for now. What have reports to be known is
// forgotten.
func (t *Tracker) Come(h download.Holder, now time.Time, have func(Name) bool) (turn Turn) {
	p := t.peer(h)
	for len(p.due) > 0 && !p.due[0].due.After(now) {
		a := p.due[0]
		if asked := a.tx.requested; asked != nil && !a.tx.expires.After(now) {
			turn.Late = append(turn.Late, Late{asked.name(), asked.peer.holder})
			if asked == a {
				turn.Wake = append(turn.Wake, t.pass(a, now)...)
				continue
			}
			t.fail(asked)
		}
		switch preferred := a.tx.preferred(now); {
		case a.tx.requested != nil:
			p.postpone(a, a.tx.expires)
		case have(a.name()):
			t.Forget(a.tx.hash)
		case preferred != nil && !a.preferred && a.tx.told.IsZero():
			a.tx.told = now
			p.postpone(a, now.Add(grace))
			preferred.peer.postpone(preferred, now)
			turn.Wake = append(turn.Wake, preferred.peer.holder)
		case preferred != nil && !a.preferred && now.Before(a.tx.told.Add(grace)):
			p.postpone(a, a.tx.told.Add(grace))
		default:
			a.tx.requested, a.tx.expires, a.tx.told = a, now.Add(Patience), time.Time{}
			p.inFlight++
			p.postpone(a, a.tx.expires)
			turn.Ask = append(turn.Ask, a.name())
		}
	}
	if len(p.due) > 0 {
		turn.Next = p.due[0].due
	}
	return turn
}

// Failed notes that a peer has answered a request, but not with a transaction that
// decides anything. It returns who is to come and ask instead.
func (t *Tracker) Failed(h download.Holder, hash chainhash.Hash, now time.Time) (wake []download.Holder) {
	if a := t.peer(h).by[hash]; a != nil {
		return t.pass(a, now)
	}
	return nil
}

// Forget forgets a transaction that is known, or not wanted.
func (t *Tracker) Forget(hash chainhash.Hash) {
	tx := t.txs[hash]
	if tx == nil {
		return
	}
	if tx.requested != nil {
		tx.requested.peer.inFlight--
	}
	for _, a := range tx.by {
		t.detach(a)
	}
	delete(t.txs, hash)
}

// Candidates returns the peers that announced a transaction and may still be asked
// for it, or are.
func (t *Tracker) Candidates(hash chainhash.Hash) (all []Source) {
	tx := t.txs[hash]
	if tx == nil {
		return nil
	}
	for _, a := range tx.by {
		if !a.failed {
			all = append(all, Source{Peer: a.peer.holder, Preferred: a.preferred})
		}
	}
	return all
}

// Gone forgets peers, and returns who is to come and ask for what they were asked
// for.
func (t *Tracker) Gone(gone func(download.Holder) bool, now time.Time) (wake []download.Holder) {
	var asked []*announcement
	for h, p := range t.peers {
		if !gone(h) {
			continue
		}
		for _, a := range p.by {
			if a.tx.requested == a {
				asked = append(asked, a)
			} else {
				t.remove(a)
			}
		}
	}
	for _, a := range asked {
		wake = append(wake, t.pass(a, now)...)
		t.remove(a)
	}
	return wake
}

// Peers returns those of whom there are announcements.
func (t *Tracker) Peers() (all []download.Holder) {
	for h := range t.peers {
		all = append(all, h)
	}
	return all
}

// Due returns the peers that have something to ask for now.
func (t *Tracker) Due(now time.Time) (all []download.Holder) {
	for h, p := range t.peers {
		if len(p.due) > 0 && !p.due[0].due.After(now) {
			all = append(all, h)
		}
	}
	return all
}
