package consensus

import "math/big"

// PermittedTransition reports whether a block at a height may have the target bits
// if the one before it has old, whatever their times are: where the difficulty
// changes, by a factor of four at most.
func PermittedTransition(p *Params, height int32, old, bits uint32) bool {
	if p.MinDifficulty {
		return true
	}
	if height%p.Interval != 0 {
		return bits == old
	}
	was, ok := Target(old)
	now, okNow := Target(bits)
	if !ok || !okNow {
		return false
	}
	bound := func(seconds int64) Uint256 {
		target := new(big.Int).Mul(was.Big(), big.NewInt(seconds))
		target.Div(target, big.NewInt(p.Timespan()))
		if limit := p.PowLimit.Big(); target.Cmp(limit) > 0 {
			target = limit
		}
		rounded, _ := Target(Compact(target))
		return rounded
	}
	return now.Cmp(bound(p.Timespan()/4)) >= 0 && now.Cmp(bound(p.Timespan()*4)) <= 0
}
