package feerate

import "slices"

// stats is what is known over one horizon.
type stats struct {
	buckets []float64 // upper bounds of the rates, ascending; shared by all horizons
	decay   float64   // by which averages are multiplied with every block
	scale   uint32    // blocks in a period
	// Moving averages. One with two indexes has one row a period: those in a block within
	// so many periods, and those that left after as many without one.
	count     []float64 // transactions in a block
	rates     []float64 // sum of their fee rates
	confirmed [][]float64
	failed    [][]float64
	faded     bool // all of them are zero
	// Transactions that wait: a row for each block in which they entered, modulo the number
	// of rows, how many are in that row, and those that have waited for longer.
	waiting [][]int32
	rows    []int
	old     []int32
}

func newStats(buckets []float64, s shape) *stats {
	h := &stats{buckets: buckets, decay: s.decay, scale: s.scale, faded: true}
	n := len(buckets)
	h.count, h.rates = make([]float64, n), make([]float64, n)
	h.confirmed, h.failed = table(s.periods, n), table(s.periods, n)
	h.makeRoom()
	return h
}

func table(rows, columns int) [][]float64 {
	t := make([][]float64, rows)
	for i := range t {
		t[i] = make([]float64, columns)
	}
	return t
}

// makeRoom makes what waits fit to the averages.
func (h *stats) makeRoom() {
	h.waiting, h.rows, h.old = make([][]int32, h.most()), make([]int, h.most()), make([]int32, len(h.buckets))
	for i := range h.waiting {
		h.waiting[i] = make([]int32, len(h.buckets))
	}
}

// most is the largest number of blocks that can be asked for.
func (h *stats) most() uint32 { return h.scale * uint32(len(h.confirmed)) }

// row is where those wait that entered at a height. As in Bitcoin Core a height below zero
// is what it is in 32 bits without a sign.
func (h *stats) row(height uint32) uint32 { return height % uint32(len(h.waiting)) }

func (h *stats) enter(height uint32, bucket int) { h.wait(h.row(height), bucket, 1) }

func (h *stats) wait(row uint32, bucket int, n int32) {
	h.waiting[row][bucket] += n
	h.rows[row] += int(n)
}

// leave takes out one that entered so many blocks ago, at height.
func (h *stats) leave(height, ago uint32, bucket int, inBlock bool) {
	if ago >= uint32(len(h.waiting)) {
		if h.old[bucket] > 0 {
			h.old[bucket]--
		}
	} else if row := h.row(height); h.waiting[row][bucket] > 0 {
		h.wait(row, bucket, -1)
	}
	if inBlock {
		return
	}
	for i := 0; i < int(ago/h.scale) && i < len(h.failed); i++ {
		h.failed[i][bucket]++
		h.faded = false
	}
}

// next makes room for those that enter at height, and lets averages fade.
func (h *stats) next(height uint32) {
	row := h.row(height)
	for b, n := range h.waiting[row] {
		h.old[b] += n
	}
	clear(h.waiting[row])
	h.rows[row] = 0
	if h.faded {
		return
	}
	for _, averages := range slices.Concat(h.confirmed, h.failed, [][]float64{h.count, h.rates}) {
		for b := range averages {
			averages[b] *= h.decay
		}
	}
}

// record counts one that is in a block after so many blocks, one at least.
func (h *stats) record(blocks uint32, bucket int, rate float64) {
	for i := (blocks+h.scale-1)/h.scale - 1; int(i) < len(h.confirmed); i++ {
		h.confirmed[i][bucket]++
	}
	h.count[bucket]++
	h.rates[bucket] += rate
	h.faded = false
}

// stuck counts, by bucket, those that have waited for at least target blocks.
func (h *stats) stuck(target, height uint32) []int32 {
	all := slices.Clone(h.old)
	for ago := target; ago < h.most(); ago++ {
		row := h.row(height - ago)
		if h.rows[row] == 0 {
			continue
		}
		for b, n := range h.waiting[row] {
			all[b] += n
		}
	}
	return all
}
