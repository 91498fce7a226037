package feerate

import (
	"encoding/binary"
	"math"

	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// version is that of files, the first of Bitcoin Core that writes them like this.
const version = 309_900

// MaxFile bounds a file, in bytes. Those that there are have 310 kB.
const MaxFile = 4 << 20

const (
	maxBuckets = 1000
	maxTarget  = 1008 // blocks: a week
)

// fileOrder is that of the horizons in a file.
var fileOrder = [...]Horizon{Medium, Short, Long}

// Append appends the file with what is known (fees/block_policy_estimates.dat).
func (e *Estimator) Append(b []byte) []byte {
	past := e.past
	if e.lived() > e.remembered()/2 {
		past = span{e.first, e.best}
	}
	for _, n := range []uint32{version, e.best, past.first, past.last} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	b = appendNumbers(b, e.buckets)
	for _, horizon := range fileOrder {
		h := e.horizons[horizon]
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(h.decay))
		b = binary.LittleEndian.AppendUint32(b, h.scale)
		b = appendNumbers(appendNumbers(b, h.rates), h.count)
		b = appendRows(appendRows(b, h.confirmed), h.failed)
	}
	return b
}

// Read returns an Estimator that knows what a file holds, which may be anything. What
// follows is not looked at. Errors have the texts of Bitcoin Core.
func Read(raw []byte) (*Estimator, error) {
	r := &reader{rest: raw}
	if err := r.version(); err != nil {
		return nil, err
	}
	best := r.u32()
	past := span{r.u32(), r.u32()}
	if past.first > past.last || past.last > best {
		r.fail(corrupt("Historical block range for estimates is invalid"))
	}
	e := newEstimator(r.bounds())
	e.best, e.past = best, past
	for _, horizon := range fileOrder {
		if r.err == nil {
			e.horizons[horizon] = r.stats(e.buckets)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	for h := Short; h < Long; h++ {
		if e.MaxTarget(h) > e.MaxTarget(h+1) {
			return nil, corrupt("A longer horizon must count more confirms")
		}
	}
	for _, h := range e.horizons {
		h.makeRoom()
	}
	return e, nil
}

func (r *reader) version() error {
	found := int32(r.u32())
	switch {
	case r.err != nil:
		return r.err
	case found > version:
		return wording.Errorf("File version (%d) too high to be read.", found)
	case found < version:
		return wording.Errorf("File version (%d) incompatible: Too old to be read", found)
	}
	return nil
}

// bounds reads the upper bounds of the buckets.
func (r *reader) bounds() []float64 {
	n := r.size()
	if r.err == nil && (n < 2 || n > maxBuckets) {
		r.fail(corrupt("Must have between 2 and %d feerate buckets", maxBuckets))
	}
	bounds := r.list(n)
	for i := 1; i < len(bounds); i++ {
		if bounds[i] <= bounds[i-1] {
			r.fail(corrupt("Feerate buckets must ascend"))
		}
	}
	return bounds
}

func (r *reader) stats(buckets []float64) *stats {
	h := &stats{buckets: buckets, decay: math.Float64frombits(r.u64())}
	if r.err == nil && !(h.decay > 0 && h.decay < 1) {
		r.fail(corrupt("Decay must be between 0 and 1 (non-inclusive)"))
	}
	if h.scale = r.u32(); h.scale == 0 {
		r.fail(corrupt("Scale must be non-zero"))
	}
	n := len(buckets)
	h.rates = r.numbers(n, corrupt("Mismatch in feerate average bucket count"))
	h.count = r.numbers(n, corrupt("Mismatch in tx count bucket count"))
	periods := r.size()
	if most := uint64(h.scale) * uint64(periods); most == 0 || most > maxTarget {
		r.fail(corrupt(" Must maintain estimates for between 1 and %d (one week) confirms", maxTarget))
	}
	h.confirmed = r.rows(periods, n, corrupt("Mismatch in feerate conf average bucket count"))
	if r.size() != periods {
		r.fail(corrupt("Mismatch in confirms tracked for failures"))
	}
	h.failed = r.rows(periods, n, corrupt("Mismatch in one of failure average bucket counts"))
	return h
}

// rows reads so many lists.
func (r *reader) rows(count, length int, other error) (rows [][]float64) {
	for i := 0; i < count && r.err == nil; i++ {
		rows = append(rows, r.numbers(length, other))
	}
	return rows
}
