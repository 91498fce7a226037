package feerate

// How many of the transactions of a fee rate have to be in a block: within half the
// target, within the target, and within twice the target.
const (
	halfThreshold   = .6
	threshold       = .85
	doubleThreshold = .95
)

// MaxTarget returns the largest number of blocks that can be asked for.
func (e *Estimator) MaxTarget(h Horizon) int { return int(e.horizons[h].most()) }

// Raw returns the lowest fee rate of which at least the part threshold of all
// transactions, 0 to 1, was in a block within target blocks, in the past of a horizon; and
// how that was found. It is zero if there is none.
func (e *Estimator) Raw(target int, threshold float64, h Horizon) (rate int64, result Result) {
	if target < 1 || target > e.MaxTarget(h) || !(threshold <= 1) {
		return 0, Result{Pass: noRange(), Fail: noRange()}
	}
	result = e.median(h, uint32(target), threshold)
	return round(result.Median), result
}

func (e *Estimator) median(h Horizon, target uint32, threshold float64) Result {
	return e.horizons[h].median(target, shapes[h].need, threshold, e.best)
}

// Smart returns the fee rate with which a transaction is likely to be in a block within
// target blocks, 1 to MaxTarget(Long), and for which target that is: for the least and
// the largest one no better answer may be known. The rate is zero if there is none. A
// conservative one has been enough for long.
func (e *Estimator) Smart(target int, conservative bool) (rate int64, of int) {
	if target < 1 || target > e.MaxTarget(Long) {
		return 0, target
	}
	usable := min(e.horizons[Long].most(), max(e.lived(), e.remembered())/2)
	of = min(max(target, 2), int(usable))
	if of <= 1 {
		return 0, of
	}
	blocks := uint32(of)
	median := max(
		e.combined(blocks/2, halfThreshold, true),
		e.combined(blocks, threshold, true),
		e.combined(2*blocks, doubleThreshold, !conservative),
	)
	if conservative || median == -1 {
		median = max(median, e.lasting(2*blocks))
	}
	return round(median), of
}

// shortest is the horizon nearest to the present that knows of a target.
func (e *Estimator) shortest(target uint32) (h Horizon, ok bool) {
	for h := range e.horizons {
		if target <= e.horizons[h].most() {
			return Horizon(h), true
		}
	}
	return 0, false
}

// combined asks the shortest horizon that knows of a target; and, if they are to count,
// those that do not for the most they know of: less will do if it did so lately.
func (e *Estimator) combined(target uint32, threshold float64, shorter bool) float64 {
	of, ok := e.shortest(target)
	if !ok || target == 0 {
		return -1
	}
	estimate := e.median(of, target, threshold).Median
	if !shorter {
		return estimate
	}
	for h := of - 1; h >= Short; h-- {
		if target <= e.horizons[h].most() {
			continue
		}
		most := e.median(h, e.horizons[h].most(), threshold).Median
		if most > 0 && (estimate == -1 || most < estimate) {
			estimate = most
		}
	}
	return estimate
}

// lasting is what was enough over all longer horizons than the shortest one.
func (e *Estimator) lasting(target uint32) float64 {
	estimate := -1.0
	for h := Short; h < Long; h++ {
		if target <= e.horizons[h].most() {
			estimate = max(estimate, e.median(h+1, target, doubleThreshold).Median)
		}
	}
	return estimate
}
