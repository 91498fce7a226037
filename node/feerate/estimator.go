package feerate

import (
	"math"
	"sort"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Horizon is a span of the past.
type Horizon int

// The horizons, of which half is forgotten after 18, 144 and 1008 blocks.
const (
	Short Horizon = iota
	Medium
	Long
)

// shape is that of a horizon that is not read from a file.
type shape struct {
	periods int
	scale   uint32
	decay   float64
	need    float64 // transactions a block that make a range of fee rates count
}

var shapes = [...]shape{
	Short:  {12, 1, .962, 0.5},
	Medium: {24, 2, .9952, 0.1},
	Long:   {42, 24, .99931, 0.1},
}

// Bounds of the buckets. The last one has no end.
const (
	lowestBucket  = 100
	highestBucket = 1e7
	bucketSpacing = 1.05
	noEnd         = 1e99
)

// maxTracked bounds the transactions of which it is to be seen what becomes of them. A
// mempool has fewer; but those in a block that took the place of another of its height are
// never heard of again.
const maxTracked = 1 << 20

// Estimator estimates by what became of transactions.
type Estimator struct {
	buckets  []float64
	horizons [len(shapes)]*stats
	tracked  map[chainhash.Hash]tracked

	best  uint32 // height of the last block
	first uint32 // that of the first one with a transaction that was tracked; 0 for none
	past  span   // what the file was made of
}

// tracked is a transaction in the mempool.
type tracked struct {
	height uint32
	bucket int32
}

// span is a range of heights.
type span struct{ first, last uint32 }

func (s span) blocks() uint32 {
	if s.first == 0 {
		return 0
	}
	return s.last - s.first
}

// New returns an Estimator that knows nothing.
func New() *Estimator {
	var buckets []float64
	for bound := float64(lowestBucket); bound <= highestBucket; bound *= bucketSpacing {
		buckets = append(buckets, bound)
	}
	e := newEstimator(append(buckets, noEnd))
	for i := range e.horizons {
		e.horizons[i] = newStats(e.buckets, shapes[i])
	}
	return e
}

func newEstimator(buckets []float64) *Estimator {
	return &Estimator{buckets: buckets, tracked: map[chainhash.Hash]tracked{}}
}

// Best returns the height of the last block.
func (e *Estimator) Best() uint32 { return e.best }

// bucket returns the position of that for a fee rate.
func (e *Estimator) bucket(rate int64) int {
	return min(sort.SearchFloat64s(e.buckets, float64(rate)), len(e.buckets)-1)
}

// Enter tells that a transaction entered the mempool when the best block had a height. It
// is for those that say something of the fee rates that blocks ask for: that did not come
// back from a block or in a package, and spend nothing of the mempool's, and only while
// the chain is up to date. It tells whether its fate is followed: not before a block at
// that height was heard of.
func (e *Estimator) Enter(txid chainhash.Hash, height uint32, rate int64) bool {
	if _, known := e.tracked[txid]; known || height != e.best || len(e.tracked) >= maxTracked {
		return false
	}
	bucket := e.bucket(rate)
	e.tracked[txid] = tracked{height, int32(bucket)}
	for _, h := range e.horizons {
		h.enter(height, bucket)
	}
	return true
}

// Leave tells that a transaction left the mempool, but not for a block.
func (e *Estimator) Leave(txid chainhash.Hash) { e.leave(txid, false) }

func (e *Estimator) leave(txid chainhash.Hash, inBlock bool) (known bool) {
	t, known := e.tracked[txid]
	if !known {
		return false
	}
	delete(e.tracked, txid)
	ago := e.best - t.height
	if e.best == 0 {
		ago = 0
	}
	if int32(ago) < 0 {
		return true
	}
	for _, h := range e.horizons {
		h.leave(t.height, ago, int(t.bucket), inBlock)
	}
	return true
}

// Confirmed is a transaction that left the mempool for a block.
type Confirmed struct {
	ID     chainhash.Hash // txid
	Height uint32         // of the best block when it entered
	Rate   int64
}

// Connect tells that a block of a height is the best one, and which transactions left the
// mempool for it, in their order. Blocks in place of others, in a reorganisation, do not
// count.
func (e *Estimator) Connect(height uint32, txs []Confirmed) {
	if height <= e.best {
		return
	}
	e.best = height
	for _, h := range e.horizons {
		h.next(height)
	}
	counted := 0
	for _, tx := range txs {
		if !e.leave(tx.ID, true) || tx.Height >= height {
			continue
		}
		bucket := e.bucket(tx.Rate)
		for _, h := range e.horizons {
			h.record(height-tx.Height, bucket, float64(tx.Rate))
		}
		counted++
	}
	if e.first == 0 && counted > 0 {
		e.first = height
	}
}

// GiveUp counts what is in the mempool as having left it, and returns how many those are:
// what becomes of them will not be seen.
func (e *Estimator) GiveUp() int {
	n := len(e.tracked)
	for txid := range e.tracked {
		e.leave(txid, false)
	}
	return n
}

// lived is the blocks that were seen since New or Read.
func (e *Estimator) lived() uint32 { return span{e.first, e.best}.blocks() }

// maxPast is after how many blocks what a file was made of counts no more.
const maxPast = 6 * 1008

// remembered is the blocks that a file was made of, while they count.
func (e *Estimator) remembered() uint32 {
	if e.best-e.past.last > maxPast {
		return 0
	}
	return e.past.blocks()
}

// round makes a fee rate of an average; 0 of none.
func round(median float64) int64 {
	if !(median > 0) {
		return 0
	}
	return int64(math.Min(math.Round(median), math.MaxInt64/2))
}
