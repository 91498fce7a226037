package consensus

import "math"

// TxRate is what is known of a chain's transactions at the time of the
// release: their number at a time, in Unix seconds, and how many come a second.
type TxRate struct {
	Time, Count int64
	PerSecond   float64
}

// Progress estimates which part of all transactions a chain of count
// transactions up to a time holds, from 0 to 1; now and time are Unix seconds.
func (r TxRate) Progress(count, time, now int64) float64 {
	if count == 0 {
		return 0
	}
	total := float64(count) + float64(now-time)*r.PerSecond
	if count <= r.Count {
		total = float64(r.Count) + float64(now-r.Time)*r.PerSecond
	}
	return math.Min(float64(count)/total, 1)
}
