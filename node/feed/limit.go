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
	// maxBacklog bounds what waits: what comes beyond is not announced.
	maxBacklog = 100_000
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
}

// limit is the announcing to one kind of peers. It is not safe for concurrent use.
type limit struct {
	count, bytes bucket
	floor        float64 // of count
	backlog      []waiting
	held         bool // some of the backlog had to wait, and may be gone meanwhile
}

func newLimit(perSecond int, factor float64) *limit {
	rate := float64(perSecond)
	return &limit{
		count: bucket{rate: rate * factor, most: rate * burstSeconds, value: rate * burstSeconds},
		bytes: bucket{rate: bytesPerSecond * factor, most: bytesAtMost, value: bytesAtFirst},
		floor: -rate * floorSeconds,
	}
}

func (l *limit) add(w waiting) {
	if len(l.backlog) < maxBacklog {
		l.backlog = append(l.backlog, w)
	}
}

// take returns what may be announced now. If that is not all, or some has waited, it is
// what best puts first, which leaves out what need not be announced any more.
func (l *limit) take(now time.Time, best func([]chainhash.Hash) []chainhash.Hash) (txs []p2p.TxAnnouncement) {
	l.count.fill(now)
	l.bytes.fill(now)
	if l.count.value <= 0 || l.bytes.value <= 0 {
		l.held = len(l.backlog) > 0
		return nil
	}
	if l.held || float64(len(l.backlog)) > l.count.value-l.floor {
		l.sort(best)
	}
	l.held = false
	for i, w := range l.backlog {
		txs = append(txs, w.tx)
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

func (l *limit) sort(best func([]chainhash.Hash) []chainhash.Hash) {
	by := make(map[chainhash.Hash]waiting, len(l.backlog))
	var wtxids []chainhash.Hash
	for _, w := range l.backlog {
		if _, twice := by[w.tx.Wtxid]; !twice {
			by[w.tx.Wtxid] = w
			wtxids = append(wtxids, w.tx.Wtxid)
		}
	}
	l.backlog = l.backlog[:0]
	for _, wtxid := range best(wtxids) {
		l.backlog = append(l.backlog, by[wtxid])
	}
}

func (l *limit) state() msg.TxRateState {
	return msg.TxRateState{Backlog: len(l.backlog), Count: l.count.value, Bytes: l.bytes.value}
}
