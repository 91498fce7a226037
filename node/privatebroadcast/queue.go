package privatebroadcast

import (
	"cmp"
	"errors"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// Limits and times, as Bitcoin Core's.
const (
	// MaxTxs is how many transactions there may be.
	MaxTxs = 10_000
	// MaxAttempts is to how many peers one of them is sent.
	MaxAttempts = 1000
	// perTx is to how many it is sent at first.
	perTx = 3
	// unsentStale and sentStale are after how long one is stale: since it was added if
	// nobody has confirmed it, and since somebody last did.
	unsentStale, sentStale = 5 * time.Minute, time.Minute
)

// maxOpen bounds the peers to which something is being sent. The manager opens no more
// than a quarter as many connections: who asks for more is no peer's worker.
const maxOpen = 256

// Queue is the transactions that are being sent. Its methods may be called from any
// goroutine.
type Queue struct {
	now func() time.Time

	mu      sync.Mutex // guards the fields below
	txs     map[chainhash.Hash]*entry
	added   uint64 // transactions ever
	wanted  int    // the sum of what all want
	open    map[download.Holder]*attempt
	changed chan struct{} // closed when wanted changes; nil if nobody waits
}

// entry is a transaction.
type entry struct {
	tx       *consensus.Tx
	number   uint64
	since    time.Time
	attempts []*attempt
	// wants is to how many more peers it is to be sent.
	wants int
}

// attempt is a peer that a transaction was, or is being, sent to.
type attempt struct {
	of                *entry
	address           string
	picked, confirmed time.Time
}

// New returns an empty Queue.
func New(now func() time.Time) *Queue {
	return &Queue{now: now, txs: map[chainhash.Hash]*entry{}, open: map[download.Holder]*attempt{}}
}

// Why a transaction is not sent, for the user.
var (
	ErrFull  = errors.New("the private broadcast queue is full")
	ErrNoWay = errors.New("-privatebroadcast is enabled, but none of the Tor or I2P networks is reachable: " +
		"see -onion, -proxy, -torcontrol and -i2psam, and whether Tor or the I2P router is running")
)

// Result tells what became of a transaction that was added.
type Result int

// The results of Add.
const (
	Added   Result = iota
	Present        // it is being sent already
	Full           // there are too many
)

// Add takes a transaction in. One that has been tried too often begins anew.
func (q *Queue) Add(tx *consensus.Tx) Result {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.txs[tx.WitnessID]
	switch {
	case e != nil && e.pending():
		return Present
	case e != nil:
		e.attempts, e.since = nil, q.now()
	case len(q.txs) >= MaxTxs:
		return Full
	default:
		q.added++
		e = &entry{tx: tx, number: q.added, since: q.now()}
		q.txs[tx.WitnessID] = e
	}
	q.want(e, perTx)
	return Added
}

func (e *entry) pending() bool { return len(e.attempts) < MaxAttempts }

// want sets to how many more peers a transaction is to be sent. The lock is held.
func (q *Queue) want(e *entry, n int) {
	n = min(n, MaxAttempts-len(e.attempts))
	if n == e.wants {
		return
	}
	q.wanted += n - e.wants
	e.wants = n
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

// Pick chooses the transaction for a peer, nil if there is none. Each peer is sent one
// only: two would tell it that they are of one user. A peer whose call has ended, as ended
// says, gets none, as nobody would tell of its end.
func (q *Queue) Pick(peer download.Holder, address string, ended func() bool) *consensus.Tx {
	q.mu.Lock()
	defer q.mu.Unlock()
	if ended() || q.open[peer] != nil || len(q.open) >= maxOpen {
		return nil
	}
	var first *entry
	for _, e := range q.txs {
		if e.pending() && (first == nil || e.before(first)) {
			first = e
		}
	}
	if first == nil {
		return nil
	}
	a := &attempt{of: first, address: address, picked: q.now()}
	first.attempts = append(first.attempts, a)
	q.open[peer] = a
	q.want(first, max(first.wants-1, 0))
	return first.tx
}

// before reports whether a transaction is more urgent than another: it wants peers at
// all, was sent to fewer, fewer have confirmed, or that is longer ago.
func (e *entry) before(o *entry) bool {
	if (e.wants > 0) != (o.wants > 0) {
		return e.wants > 0
	}
	x, y := e.figures(), o.figures()
	return cmp.Or(
		cmp.Compare(len(e.attempts), len(o.attempts)), cmp.Compare(x.confirmed, y.confirmed),
		x.lastPicked.Compare(y.lastPicked), x.lastConfirmed.Compare(y.lastConfirmed), cmp.Compare(e.number, o.number),
	) < 0
}

// figures sum up the attempts at a transaction.
type figures struct {
	confirmed                 int
	lastPicked, lastConfirmed time.Time
}

func (e *entry) figures() (f figures) {
	for _, a := range e.attempts {
		if a.picked.After(f.lastPicked) {
			f.lastPicked = a.picked
		}
		if !a.confirmed.IsZero() {
			f.confirmed++
		}
		if a.confirmed.After(f.lastConfirmed) {
			f.lastConfirmed = a.confirmed
		}
	}
	return f
}

// Confirm notes that a peer has what it was sent.
func (q *Queue) Confirm(peer download.Holder) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.open[peer]; a != nil {
		a.confirmed = q.now()
	}
}

// Gone forgets peers that are gone. For each that has not confirmed its transaction,
// that is to be sent to another.
func (q *Queue) Gone(gone func(download.Holder) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for peer, a := range q.open {
		if !gone(peer) {
			continue
		}
		delete(q.open, peer)
		if e := a.of; a.confirmed.IsZero() && q.txs[e.tx.WitnessID] == e {
			q.want(e, e.wants+1)
		}
	}
}

// Workers names the workers that are sending, some more than once.
func (q *Queue) Workers() (names []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for peer := range q.open {
		names = append(names, peer.Worker)
	}
	return names
}

// Remove forgets a transaction: it has come back, or is hopeless. It reports whether
// there was one.
func (q *Queue) Remove(tx *consensus.Tx) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.remove(tx.WitnessID)
}

// remove is Remove with the lock held.
func (q *Queue) remove(wtxid chainhash.Hash) bool {
	e := q.txs[wtxid]
	if e == nil {
		return false
	}
	q.want(e, 0)
	delete(q.txs, wtxid)
	return true
}

// Stale lists the transactions of which nothing was heard for long.
func (q *Queue) Stale() []*consensus.Tx {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.list(func(e *entry) bool {
		since, patience := e.since, unsentStale
		if f := e.figures(); f.confirmed > 0 {
			since, patience = f.lastConfirmed, sentStale
		}
		return e.pending() && q.now().Sub(since) > patience
	})
}

// Again has a transaction sent to one more peer, if none is waited for.
func (q *Queue) Again(tx *consensus.Tx) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.txs[tx.WitnessID]; e != nil {
		q.want(e, max(e.wants, 1))
	}
}

// Wanted returns how many peers are wanted in all, and what is closed when that changes.
func (q *Queue) Wanted() (n int, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.changed == nil {
		q.changed = make(chan struct{})
	}
	return q.wanted, q.changed
}
