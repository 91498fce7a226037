package chain

import (
	"math"
	"math/big"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// NextBits returns the compact target that a block on top of last must have
// if its header says time.
func NextBits(last *BlockNode, time int64, p *consensus.Params) uint32 {
	limit := consensus.Compact(p.PowLimit.Big())
	if (last.Height+1)%p.Interval == 0 {
		return retarget(last, p)
	}
	if !p.MinDifficulty {
		return last.Bits
	}
	if time > last.Time+2*p.Spacing {
		return limit
	}
	// The last block that was not easy by the exception just made.
	for last.Parent != nil && last.Height%p.Interval != 0 && last.Bits == limit {
		last = last.Parent
	}
	return last.Bits
}

func retarget(last *BlockNode, p *consensus.Params) uint32 {
	if p.NoRetarget {
		return last.Bits
	}
	first := last.Ancestor(last.Height - (p.Interval - 1))
	span := min(max(last.Time-first.Time, p.Timespan()/4), p.Timespan()*4)
	bits := last.Bits
	if p.BIP94 {
		// The last block may have been easy by exception; the first may not.
		bits = first.Bits
	}
	old, _ := consensus.Target(bits)
	target := old.Big()
	target.Mul(target, big.NewInt(span))
	target.Div(target, big.NewInt(p.Timespan()))
	if limit := p.PowLimit.Big(); target.Cmp(limit) > 0 {
		target = limit
	}
	return consensus.Compact(target)
}

// EquivalentTime returns how many seconds it takes, at the difficulty of tip,
// to do the work by which the branch of tip is ahead of that of n; negative if
// it is behind. It is cut off at the limits of an int64.
func EquivalentTime(tip, n *BlockNode, p *consensus.Params) int64 {
	ahead, sign := tip.Work.Sub(n.Work), int64(1)
	if tip.Work.Cmp(n.Work) < 0 {
		ahead, sign = n.Work.Sub(tip.Work), -1
	}
	seconds := new(big.Int).Mul(ahead.Big(), big.NewInt(p.Spacing))
	seconds.Div(seconds, consensus.Work(tip.Bits).Big())
	if !seconds.IsInt64() {
		return sign * math.MaxInt64
	}
	return sign * seconds.Int64()
}
