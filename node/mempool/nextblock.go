package mempool

import (
	"slices"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

// offered is a chunk of a cluster that a miner may take.
type offered struct {
	chunk
	of *cluster
}

// NextBlock returns the fees and weights of the chunks that a miner would take, within
// limits, the best first. Of a cluster of which one does not fit, none after it is taken.
// The pool may change while it is being put together.
func (p *Reader) NextBlock(limits mining.Limits) []Chunk {
	var taken []Chunk
	left := map[*cluster]struct{}{}
	weight, sigOps := int64(limits.Reserved), limits.SigOps
	for _, c := range p.offers() {
		if c.fee*1000 < limits.MinRate*c.vsize() {
			break
		}
		if _, skip := left[c.of]; skip {
			continue
		}
		cost, final := 0, true
		for _, e := range c.entries {
			cost += e.SigOps
			final = final && consensus.IsFinal(e.Tx, limits.Height, limits.Time)
		}
		if !final || weight+c.weight >= int64(limits.Weight) || sigOps+cost >= consensus.MaxBlockSigOpsCost {
			left[c.of] = struct{}{}
			continue
		}
		weight, sigOps = weight+c.weight, sigOps+cost
		taken = append(taken, Chunk{Fee: c.fee, Weight: c.weight})
	}
	return taken
}

// offers returns all chunks, the best first, those of a cluster in their order.
func (p *Reader) offers() []offered {
	p.mu.RLock()
	var all []offered
	for _, e := range p.entries {
		chunks := e.cluster.linearized()
		if chunks[0].entries[0] != e {
			continue
		}
		for _, c := range chunks {
			all = append(all, offered{c, e.cluster})
		}
	}
	p.mu.RUnlock()
	slices.SortStableFunc(all, func(a, b offered) int { return byRate(a.chunk, b.chunk) })
	return all
}

// VSize is the chunk's size in virtual bytes, rounded up as a whole.
func (c Chunk) VSize() int64 { return (c.Weight + consensus.WitnessScale - 1) / consensus.WitnessScale }
