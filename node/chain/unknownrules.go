package chain

import (
	"slices"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// unknownBits is how many bits of a version are watched for rules that we do not know:
// those that Bitcoin Core hands out (BIP9).
const unknownBits = 5

// UnknownRules watches which bits of versions that mean nothing to us have activated
// something for others. It keeps the state at the end of each period that it was asked
// about. One goroutine at a time may use it.
type UnknownRules struct {
	params *consensus.Params
	ends   map[*BlockNode][unknownBits]string // deployment states, by the last block of a period
}

// NewUnknownRules returns one that has looked at nothing.
func NewUnknownRules(p *consensus.Params) *UnknownRules {
	return &UnknownRules{params: p, ends: map[*BlockNode][unknownBits]string{}}
}

// Active returns the bits that are active for the block on top of tip.
func (u *UnknownRules) Active(tip *BlockNode) (bits []int) {
	states := u.states(tip)
	for bit, state := range states {
		if state == Active {
			bits = append(bits, bit)
		}
	}
	return bits
}

func (u *UnknownRules) states(tip *BlockNode) (states [unknownBits]string) {
	period := u.params.Interval
	var missing []*BlockNode
	end := tip.Ancestor(tip.Height - (tip.Height+1)%period)
	for ; end != nil; end = end.Ancestor(end.Height - period) {
		known, ok := u.ends[end]
		if ok {
			states = known
			break
		}
		missing = append(missing, end)
	}
	for _, end := range slices.Backward(missing) {
		counts := u.count(end, period)
		for bit := range states {
			states[bit] = u.next(states[bit], counts[bit])
		}
		u.ends[end] = states
	}
	return states
}

// next is the state after a period in which so many blocks had the bit.
func (u *UnknownRules) next(state string, count int32) string {
	threshold := int32(1815) // of 2016, as for taproot
	if !u.params.IsMain() {
		threshold = u.params.Interval * 3 / 4 // as BIP9 suggests
	}
	switch {
	case state == "" || state == Defined:
		return Started
	case state == Started && count >= threshold:
		return LockedIn
	case state == LockedIn:
		return Active
	}
	return state
}

func (u *UnknownRules) count(end *BlockNode, period int32) (counts [unknownBits]int32) {
	for n, left := end, period; n != nil && left > 0 && n.Height >= u.params.WarningHeight; n, left = n.Parent, left-1 {
		if uint32(n.Version)&versionTopMask != versionTopBits {
			continue
		}
		for bit := range counts {
			counts[bit] += n.Version >> bit & 1
		}
	}
	return counts
}
