package feerate

import (
	"math"
	"math/bits"
)

// Quote is a fee rate, exactly: a fee for so many virtual bytes.
type Quote struct{ Fee, VSize int64 }

// PerKvB returns a Quote for a fee rate.
func PerKvB(rate int64) Quote { return Quote{rate, 1000} }

// Rate returns the fee rate, 0 of no bytes.
func (q Quote) Rate() int64 {
	if q.VSize <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(max(q.Fee, 0)), 1000)
	if high >= uint64(q.VSize) {
		return math.MaxInt64
	}
	rate, _ := bits.Div64(high, low, uint64(q.VSize))
	return int64(min(rate, math.MaxInt64))
}

// Below reports whether the fee rate is lower than another one. Fees are not negative, and
// sizes not zero.
func (q Quote) Below(other Quote) bool {
	high1, low1 := bits.Mul64(uint64(max(q.Fee, 0)), uint64(other.VSize))
	high2, low2 := bits.Mul64(uint64(max(other.Fee, 0)), uint64(q.VSize))
	return high1 < high2 || high1 == high2 && low1 < low2
}

// Levels returns the fee rates down to which half of a full block is filled, and three
// quarters of it, with what a miner would take, the best first. One that there is not
// enough for is floor.
func Levels(taken []Quote, floor Quote) (half, most Quote) {
	half, most = floor, floor
	var weight int64
	for _, q := range taken {
		before := weight
		weight += q.VSize * 4
		if before < blockWeight/2 && weight >= blockWeight/2 {
			half = q
		}
		if weight >= blockWeight*3/4 {
			return half, q
		}
	}
	return half, most
}
