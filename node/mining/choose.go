package mining

import (
	"container/heap"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Candidate is a transaction that may go into a block.
type Candidate struct {
	Tx      *consensus.Tx
	Fee     int64 // as the miner sees it: real fee and priority
	Real    int64 // what the coinbase gets
	SigOps  int
	Parents []int // positions of candidates that it spends
}

// Limits bounds a block.
type Limits struct {
	Weight   int   // of the whole block
	Reserved int   // weight kept for header and coinbase
	SigOps   int   // cost kept for the coinbase
	MinRate  int64 // satoshi per 1000 vbytes
	Height   int32
	Time     int64 // median time past of the parent, for lock times
}

// DefaultLimits are Bitcoin Core's.
func DefaultLimits() Limits {
	return Limits{Weight: consensus.MaxBlockWeight, Reserved: 8000, SigOps: 400, MinRate: 1}
}

// maxFailures is after how many packages in a row that do not fit a nearly
// full block is good enough.
const (
	maxFailures = 1000
	nearlyFull  = 4000
)

// Choose returns the positions of candidates that earn most, parents before
// children, and their fees. A transaction counts together with its unchosen
// ancestors.
func Choose(candidates []Candidate, limits Limits) (chosen []int, fees int64) {
	c := newChooser(candidates, limits)
	failures := 0
	for c.queue.Len() > 0 {
		next := heap.Pop(&c.queue).(offer)
		p := &c.packages[next.index]
		if p.chosen || next.version != p.version {
			continue
		}
		if vsize := (p.weight + 3) / 4; p.fee*1000 < limits.MinRate*int64(vsize) {
			break
		}
		if !c.fits(next.index) {
			if failures++; failures > maxFailures && c.weight+nearlyFull > limits.Weight {
				break
			}
			continue
		}
		failures = 0
		c.take(next.index)
	}
	return c.chosen, c.fees
}

// pack is a candidate with all its ancestors that are not chosen yet.
type pack struct {
	fee     int64
	weight  int
	sigOps  int
	version int
	chosen  bool
}

type chooser struct {
	candidates []Candidate
	limits     Limits
	packages   []pack
	children   [][]int
	queue      offers
	chosen     []int
	weight     int
	sigOps     int
	fees       int64
}

func newChooser(candidates []Candidate, limits Limits) *chooser {
	c := &chooser{
		candidates: candidates, limits: limits, weight: limits.Reserved, sigOps: limits.SigOps,
		packages: make([]pack, len(candidates)), children: make([][]int, len(candidates)),
	}
	for i := range candidates {
		for _, parent := range candidates[i].Parents {
			c.children[parent] = append(c.children[parent], i)
		}
	}
	for i := range candidates {
		for _, j := range c.ancestors(i) {
			c.packages[i].fee += candidates[j].Fee
			c.packages[i].weight += candidates[j].Tx.Weight()
			c.packages[i].sigOps += candidates[j].SigOps
		}
		c.offer(i)
	}
	return c
}

func (c *chooser) offer(i int) {
	p := &c.packages[i]
	heap.Push(&c.queue, offer{index: i, version: p.version, fee: p.fee, weight: p.weight})
}

// ancestors returns i and its unchosen ancestors, parents first.
func (c *chooser) ancestors(i int) []int {
	seen := map[int]struct{}{}
	var order []int
	var visit func(int)
	visit = func(i int) {
		if _, ok := seen[i]; ok || c.packages[i].chosen {
			return
		}
		seen[i] = struct{}{}
		for _, parent := range c.candidates[i].Parents {
			visit(parent)
		}
		order = append(order, i)
	}
	visit(i)
	return order
}

func (c *chooser) fits(i int) bool {
	p := &c.packages[i]
	if c.weight+p.weight >= c.limits.Weight || c.sigOps+p.sigOps >= consensus.MaxBlockSigOpsCost {
		return false
	}
	for _, j := range c.ancestors(i) {
		if !consensus.IsFinal(c.candidates[j].Tx, c.limits.Height, c.limits.Time) {
			return false
		}
	}
	return true
}

// take chooses i with its ancestors, which then no longer count with their
// other descendants.
func (c *chooser) take(i int) {
	for _, j := range c.ancestors(i) {
		candidate := &c.candidates[j]
		c.chosen = append(c.chosen, j)
		c.packages[j].chosen = true
		c.weight += candidate.Tx.Weight()
		c.sigOps += candidate.SigOps
		c.fees += candidate.Real
		for _, k := range c.descendants(j) {
			p := &c.packages[k]
			p.fee -= candidate.Fee
			p.weight -= candidate.Tx.Weight()
			p.sigOps -= candidate.SigOps
			p.version++
			c.offer(k)
		}
	}
}

func (c *chooser) descendants(i int) []int {
	seen := map[int]struct{}{i: {}}
	queue := []int{i}
	for at := 0; at < len(queue); at++ {
		for _, child := range c.children[queue[at]] {
			if _, ok := seen[child]; !ok {
				seen[child] = struct{}{}
				queue = append(queue, child)
			}
		}
	}
	return queue[1:]
}

// offer is a package in the queue; it is void if its version is.
type offer struct {
	index, version, weight int
	fee                    int64
}

// offers is a heap, best fee rate first.
type offers []offer

func (o offers) Len() int { return len(o) }
func (o offers) Less(i, j int) bool {
	a, b := float64(o[i].fee)*float64(o[j].weight), float64(o[j].fee)*float64(o[i].weight)
	if a != b {
		return a > b
	}
	return o[i].index < o[j].index
}
func (o offers) Swap(i, j int) { o[i], o[j] = o[j], o[i] }
func (o *offers) Push(x any)   { *o = append(*o, x.(offer)) }
func (o *offers) Pop() any {
	old := *o
	last := old[len(old)-1]
	*o = old[:len(old)-1]
	return last
}
