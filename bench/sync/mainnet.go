package main

import "github.com/bulkheadnode/bulkhead/node/consensus"

// mixShape is a chain with the kinds of mainnet's outputs.
type mixShape struct {
	stages
	Weight int // of the payments of a block at most
}

// mixShapeOf is the shape of a scale: as many blocks at each, that are full at
// scale 1. They are more than a relative lock time of a to_local output.
func mixShapeOf(scale float64) mixShape {
	return mixShape{
		stages: stages{
			Seed: 1, Funding: leastFunding, Fanout: 10, PerBlock: scaled(6000, scale), Spending: 300, Burying: burying,
		},
		Weight: scaled(consensus.MaxBlockWeight-reservedWeight, scale),
	}
}

func (s mixShape) name() string { return "mainnet" }

func (s mixShape) sizes() []int { return append(s.stages.sizes(), s.Weight) }

func (s mixShape) filler() filler {
	f := &mixFiller{stagedFiller: newStagedFiller(s.stages), limit: s.Weight}
	f.kind, f.spend = f.anyKind, f.payments
	return f
}

// mix is how many of a thousand outputs are of a kind. Sources give rough
// shares of types of outputs, not of what is in their scripts:
//
//   - P2TR is 42 % of what was spent in 2024, and has fallen to 20 % since
//     (a chart of Willy Woo, as told by
//     cryptoprune.com/will-quantum-computing-reduce-the-use-of-tap-root-addresses-in-bitcoin);
//     here 28.5 %.
//   - P2SH is 5 to 8 % of outputs, and P2WPKH with P2TR above 80 % of those
//     that are P2PKH, P2SH, P2WPKH or P2TR
//     (trinityinsights.io/docs/metrics/onchain/witness-discount-utilization);
//     here 8 % and 81 %.
//
// Assumed is the rest: how P2SH, P2WSH and P2TR are shared among the kinds
// below, and that what is spent has the shares of what is made.
var mix = []struct {
	kind  *kind
	share int
}{
	{p2wpkh, 485}, {p2trKey, 240}, {p2pkh, 100}, {nestedP2WPKH, 50}, {p2wshMulti, 40}, {p2shMultisig, 30},
	{inscription, 30}, {p2trLeaf, 10}, {p2trMulti, 5}, {toLocal, 4}, {htlc, 4}, {bareMultisig, 2},
}

// mixOf is what the shares add up to.
const mixOf = 1000

// mixFiller fills blocks with payments of all kinds.
type mixFiller struct {
	*stagedFiller
	limit int
	// left over from the block before, in which it had no room; nil for none.
	left *payment
}

func (f *mixFiller) anyKind() *kind {
	n := f.random.IntN(mixOf)
	for _, m := range mix {
		if n -= m.share; n < 0 {
			return m.kind
		}
	}
	return p2wpkh
}

// payments fill a block. The first fits however large it is: at small scales a
// block is smaller than the greatest payments.
func (f *mixFiller) payments(height int32) (list []*payment) {
	for room := roomOf(f.limit); ; {
		p := f.left
		if p == nil {
			p = f.pay(height)
		}
		if p == nil {
			return list
		}
		if !room.take(f.weight(p), p.sigOps()) && len(list) > 0 {
			f.left = p
			return list
		}
		f.left = nil
		f.fresh = append(f.fresh, p.made...)
		list = append(list, p)
	}
}
