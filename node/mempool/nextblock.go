package mempool

import (
	"cmp"
	"container/heap"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

// After how many chunks in a row that do not fit a nearly full block is good enough, and
// what weight is nearly.
const (
	maxFailures = 1000
	nearlyFull  = 4000
)

// Template returns the entries that earn a miner most within limits, none before one that
// it spends: the best chunk of all clusters next, each time. Of a cluster of which one
// does not fit, none after it is taken. The pool may change while they are chosen.
func (p *Reader) Template(limits mining.Limits) (entries []*Entry) {
	for _, c := range p.nextBlock(limits) {
		entries = append(entries, c.entries...)
	}
	return entries
}

// NextBlock returns the fees and weights of the chunks of which Template has the entries.
func (p *Reader) NextBlock(limits mining.Limits) (taken []Chunk) {
	for _, c := range p.nextBlock(limits) {
		taken = append(taken, Chunk{Fee: c.fee, Weight: c.weight})
	}
	return taken
}

func (p *Reader) nextBlock(limits mining.Limits) (taken []chunk) {
	queue := p.offers()
	heap.Init(&queue)
	failures, weight, sigOps := 0, int64(limits.Reserved), limits.SigOps
	for len(queue) > 0 {
		c := queue[0][0]
		if c.fee*1000 < limits.MinRate*c.vsize() {
			break
		}
		cost, final := c.needs(limits)
		if !final || weight+c.weight >= int64(limits.Weight) || sigOps+cost >= consensus.MaxBlockSigOpsCost {
			heap.Pop(&queue)
			if failures++; failures > maxFailures && weight+nearlyFull > int64(limits.Weight) {
				break
			}
			continue
		}
		failures = 0
		weight, sigOps = weight+c.weight, sigOps+cost
		taken = append(taken, c)
		queue.next()
	}
	return taken
}

// needs returns the cost of a chunk's signature operations, and whether all of it may be
// in a block.
func (c chunk) needs(limits mining.Limits) (cost int, final bool) {
	final = true
	for _, e := range c.entries {
		cost += e.SigOps
		final = final && consensus.IsFinal(e.Tx, limits.Height, limits.Time)
	}
	return cost, final
}

// clusters is a heap of what is left of each cluster, by its best chunk.
type clusters [][]chunk

func (p *Reader) offers() clusters {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := make(clusters, 0, len(p.entries))
	for _, e := range p.entries {
		if chunks := e.cluster.linearized(); chunks[0].entries[0] == e {
			all = append(all, chunks)
		}
	}
	return all
}

func (q clusters) Len() int { return len(q) }
func (q clusters) Less(i, j int) bool {
	a, b := q[i][0], q[j][0]
	return cmp.Or(byRate(a, b), cmp.Compare(a.entries[0].Sequence, b.entries[0].Sequence)) < 0
}
func (q clusters) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *clusters) Push(x any)   { *q = append(*q, x.([]chunk)) }
func (q *clusters) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// next goes on to the next chunk of the best cluster.
func (q *clusters) next() {
	if (*q)[0] = (*q)[0][1:]; len((*q)[0]) == 0 {
		heap.Pop(q)
		return
	}
	heap.Fix(q, 0)
}

// VSize is the chunk's size in virtual bytes, rounded up as a whole.
func (c Chunk) VSize() int64 { return (c.Weight + consensus.WitnessScale - 1) / consensus.WitnessScale }
