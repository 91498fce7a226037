package feerate

// Range is what is known of the transactions in a range of fee rates.
type Range struct {
	Start, End float64 // fee rates; -1 if there is no such range
	Within     float64 // in a block within the target
	Confirmed  float64 // in a block ever
	InMempool  float64 // still waiting, for at least the target
	Left       float64 // left without a block, after at least the target
}

// noRange is none.
func noRange() Range { return Range{Start: -1, End: -1} }

func (r *Range) add(h *stats, period, bucket int, stuck int32) {
	r.Within += h.confirmed[period][bucket]
	r.Confirmed += h.count[bucket]
	r.Left += h.failed[period][bucket]
	r.InMempool += float64(stuck)
}

func (r *Range) success() float64 { return r.Within / (r.Confirmed + r.Left + r.InMempool) }

// between returns the same for a range of buckets.
func (r Range) between(h *stats, low, high int) Range {
	if r.Start = 0; low > 0 {
		r.Start = h.buckets[low-1]
	}
	r.End = h.buckets[high]
	return r
}

// Result is how an estimate came about.
type Result struct {
	Median float64 // the fee rate; -1 if there is none
	Pass   Range   // the lowest fee rates that are enough
	Fail   Range   // the highest ones that are not
	Decay  float64
	Scale  uint32
}

// search goes from the highest fee rates down, joining buckets until they have enough
// transactions to tell anything.
type search struct {
	*stats
	period    int
	need      float64 // transactions that tell something
	threshold float64
	stuck     []int32

	near    int // the highest of the buckets that are being joined
	fresh   bool
	passing bool
	now     Range // of them
	enough  float64
	best    [2]int // the lowest and the highest bucket of the last range that passed
	found   bool
	pass    Range
	fail    Range
}

// median finds the lowest fee rate of which at least the part threshold of all
// transactions is in a block within target blocks, 1 to most. need is how many a block
// there have to be in a range that counts.
func (h *stats) median(target uint32, need, threshold float64, height uint32) Result {
	last := len(h.buckets) - 1
	s := &search{
		stats: h, period: int((target+h.scale-1)/h.scale) - 1, need: need / (1 - h.decay), threshold: threshold,
		stuck: h.stuck(target, height), fresh: true, passing: true, best: [2]int{last, last}, pass: noRange(), fail: noRange(),
	}
	for bucket := last; bucket >= 0; bucket-- {
		s.look(bucket)
	}
	result := Result{Median: s.middle(), Decay: h.decay, Scale: h.scale}
	if s.passing && !s.fresh { // too few of the lowest rates to tell
		s.fail = s.now.between(h, 0, s.near)
	}
	result.Pass, result.Fail = s.pass, s.fail
	return result
}

func (s *search) look(bucket int) {
	if s.fresh {
		s.near, s.fresh = bucket, false
	}
	s.now.add(s.stats, s.period, bucket, s.stuck[bucket])
	if s.enough += s.count[bucket]; s.enough < s.need {
		return
	}
	s.enough = 0
	if s.now.success() < s.threshold {
		if s.passing {
			s.fail, s.passing = s.now.between(s.stats, bucket, s.near), false
		}
		return
	}
	s.best, s.found = [2]int{bucket, s.near}, true
	s.pass, s.fail, s.passing = s.now, noRange(), true
	s.pass.Start, s.pass.End = -1, -1
	s.now, s.fresh = Range{}, true
}

// middle returns the average fee rate in the bucket with the median transaction of the
// last range that passed.
func (s *search) middle() float64 {
	low, high := s.best[0], s.best[1]
	sum := 0.0
	for _, n := range s.count[low : high+1] {
		sum += n
	}
	if !s.found || sum == 0 {
		return -1
	}
	s.pass = s.pass.between(s.stats, low, high)
	sum /= 2
	for bucket := low; bucket <= high; bucket++ {
		if s.count[bucket] >= sum {
			return s.rates[bucket] / s.count[bucket]
		}
		sum -= s.count[bucket]
	}
	return -1
}
