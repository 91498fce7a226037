package consensus

import "math"

// TxRate is what is known of a chain's transactions at the time of the
// release: their number at a time, in Unix seconds, and how many come a second.
type TxRate struct {
	Time, Count int64
	PerSecond   float64
}

// txRates are the known ones, by the chain's name.
var txRates = map[string]TxRate{
	"main":     {1772055173, 1315805869, 5.40111006496122},
	"test":     {1772051651, 536108416, 0.02691479016257117},
	"testnet4": {1772013387, 14191421, 0.01848579579528412},
	"signet":   {1772055248, 28676833, 0.06736623436338929},
	"regtest":  {0, 0, 0.001},
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
