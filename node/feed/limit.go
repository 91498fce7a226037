package feed

import (
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Transactions are announced at no more than a rate, as in Bitcoin Core: what comes
// beyond waits in a backlog of which the best goes first. Inbound peers have a rate
// of their own, as who listens at many of our connections learns from each.
const (
	// DefaultTxRate is how many transactions a second are announced to inbound
	// peers.
	DefaultTxRate = 14
	// outboundFactor is how much faster they are to outbound peers.
	outboundFactor = 2.5
	// burstSeconds is the time whose transactions may go at once.
	burstSeconds = 30
	// floorSeconds is the time whose transactions may go beyond the rate, so that
	// the backlog is not sorted for each.
	floorSeconds = 5
	// Bytes of transactions are bounded, too: 20 kB a second is more than blocks can
	// confirm. Not so many at the start that to restart would pay.
	bytesPerSecond, bytesAtFirst, bytesAtMost, bytesFloor = 20_000, 12_000_000, 50_000_000, -50_000
	// maxBacklog bounds what waits: of more, the best keptBacklog are left, so that it is
	// not sorted for each that comes.
	maxBacklog, keptBacklog = 100_000, 90_000
)

// bucket is a token bucket.
type bucket struct {
	rate, most, value float64
	filled            time.Time // zero before it is filled for the first time
}

func (b *bucket) fill(now time.Time) {
	if !b.filled.IsZero() && now.After(b.filled) {
		b.value = min(b.most, b.value+b.rate*now.Sub(b.filled).Seconds())
	}
	b.filled = now
}

// waiting is a transaction that is to be announced.
type waiting struct {
	tx   p2p.TxAnnouncement
	size int // serialised bytes
	came time.Time
}

// told returns the announcement. One that waited because there were too many is for all
// peers there are by then.
func (w waiting) told() p2p.TxAnnouncement {
	if waited := time.Since(w.came); !w.came.IsZero() && waited <= 2*txInterval {
		w.tx.Waited = uint32(waited.Milliseconds())
	}
	return w.tx
}

// limit is the announcing to one kind of peers. It is not safe for concurrent use.
type limit struct {
	count, bytes bucket
	floor        float64 // of count
	backlog      []waiting
	held         bool // some of the backlog had to wait, and may be gone meanwhile
	sorting      bool // the first of backlog are being put in order: none may go
	sorted       bool // the first of backlog are in order
}

func newLimit(perSecond int, factor float64) *limit {
	rate := float64(perSecond)
	return &limit{
		count: bucket{rate: rate * factor, most: rate * burstSeconds, value: rate * burstSeconds},
		bytes: bucket{rate: bytesPerSecond * factor, most: bytesAtMost, value: bytesAtFirst},
		floor: -rate * floorSeconds,
	}
}

// add has a transaction wait for its turn. That there are twice too many does not
// happen while somebody sorts them.
func (l *limit) add(w waiting) {
	if len(l.backlog) < 2*maxBacklog {
		l.backlog = append(l.backlog, w)
	}
}

// take returns what may be announced now: nothing as long as it has to be put in order
// before.
func (l *limit) take(now time.Time) (txs []p2p.TxAnnouncement) {
	if !l.room(now) {
		l.held, l.sorted = len(l.backlog) > 0, false
		return nil
	}
	if l.sorting || l.tooMany() {
		return nil
	}
	l.held, l.sorted = false, false
	for i, w := range l.backlog {
		txs = append(txs, w.told())
		l.count.value--
		l.bytes.value -= float64(w.size)
		if l.count.value <= l.floor || l.bytes.value <= bytesFloor {
			l.backlog = slices.Clone(l.backlog[i+1:])
			l.held = len(l.backlog) > 0
			return txs
		}
	}
	l.backlog = nil
	return txs
}

// room reports whether anything may be announced.
func (l *limit) room(now time.Time) bool {
	l.count.fill(now)
	l.bytes.fill(now)
	return l.count.value > 0 && l.bytes.value > 0
}

// tooMany reports whether the backlog is to be put in order before any of it may go:
// that is not all, or some has waited.
func (l *limit) tooMany() bool {
	return !l.sorted && (l.held || float64(len(l.backlog)) > l.count.value-l.floor)
}

// begin returns what is to be put in order now, nil if nothing is. What comes before
// finish is called waits behind it.
func (l *limit) begin(now time.Time) []waiting {
	if len(l.backlog) <= maxBacklog && (!l.room(now) || !l.tooMany()) {
		return nil
	}
	l.sorting = true
	return slices.Clip(l.backlog)
}

// finish takes the first of the backlog, as many as begin has returned, as they were put
// in order. Of too many, those that a miner would take last are not announced.
func (l *limit) finish(were int, sorted []waiting) {
	newer := l.backlog[were:]
	if were > maxBacklog {
		sorted = sorted[:min(len(sorted), keptBacklog)]
	}
	l.backlog = slices.Concat(sorted, newer)
	l.sorting, l.sorted = false, true
}

// inOrder returns those of some transactions that best returns, in its order.
func inOrder(some []waiting, best func([]chainhash.Hash) []chainhash.Hash) []waiting {
	by := make(map[chainhash.Hash]waiting, len(some))
	var wtxids []chainhash.Hash
	for _, w := range some {
		if _, twice := by[w.tx.Wtxid]; !twice {
			by[w.tx.Wtxid] = w
			wtxids = append(wtxids, w.tx.Wtxid)
		}
	}
	sorted := make([]waiting, 0, len(by))
	for _, wtxid := range best(wtxids) {
		sorted = append(sorted, by[wtxid])
	}
	return sorted
}

func (l *limit) state() msg.TxRateState {
	return msg.TxRateState{Backlog: len(l.backlog), Count: l.count.value, Bytes: l.bytes.value}
}
