package mempool

import (
	"cmp"
	"math/big"
	"math/bits"
	"slices"
	"sync/atomic"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// cluster is a set of transactions connected by spends. Its linearization
// tells in which order a miner would take them.
type cluster struct {
	members map[*Entry]struct{}
	// nil if not known: readers fill it, and find the same
	chunks atomic.Pointer[[]chunk]
}

// chunk is a run of a linearization that is mined or evicted together.
type chunk struct {
	entries []*Entry
	fee     int64 // with priority
	weight  int64
}

// vsize is the chunk's size in virtual bytes, rounded up as a whole.
func (c chunk) vsize() int64 { return (c.weight + consensus.WitnessScale - 1) / consensus.WitnessScale }

func (c *cluster) add(e *Entry) {
	c.members[e] = struct{}{}
	c.chunks.Store(nil)
	e.cluster = c
}

// merge puts e and all it is connected with into one cluster.
func merge(e *Entry) *cluster {
	into := &cluster{members: map[*Entry]struct{}{}}
	into.add(e)
	for _, neighbours := range []map[*Entry]struct{}{e.parents, e.children} {
		for other := range neighbours {
			if other.cluster == into {
				continue
			}
			for member := range other.cluster.members {
				into.add(member)
			}
		}
	}
	return into
}

// split takes e out of its cluster and divides the rest into what is still
// connected. e's links must have been cut.
func split(e *Entry) (parts []*cluster) {
	rest := e.cluster.members
	delete(rest, e)
	e.cluster = nil
	for len(rest) > 0 {
		part := &cluster{members: map[*Entry]struct{}{}}
		parts = append(parts, part)
		for member := range rest {
			connected := member.closure(func(e *Entry) map[*Entry]struct{} {
				both := make(map[*Entry]struct{}, len(e.parents)+len(e.children))
				for other := range e.parents {
					both[other] = struct{}{}
				}
				for other := range e.children {
					both[other] = struct{}{}
				}
				return both
			})
			for other := range connected {
				part.add(other)
				delete(rest, other)
			}
			break
		}
	}
	return parts
}

// linearized returns the cluster's chunks, best first.
func (c *cluster) linearized() []chunk {
	if known := c.chunks.Load(); known != nil {
		return *known
	}
	chunks := c.order()
	c.chunks.Store(&chunks)
	return chunks
}

func (c *cluster) order() []chunk {
	if len(c.members) == 1 { // most are
		for e := range c.members {
			return []chunk{{[]*Entry{e}, e.modified(), e.Weight}}
		}
	}
	return chunked(linearize(c.members))
}

func totals(set map[*Entry]struct{}) (fee, vsize int64) {
	for e := range set {
		fee += e.modified()
		vsize += e.VSize
	}
	return fee, vsize
}

func totalWeight(set map[*Entry]struct{}) (weight int64) {
	for e := range set {
		weight += e.Weight
	}
	return weight
}

// compareRates orders fee1/size1 and fee2/size2, of sizes above zero.
func compareRates(fee1, size1, fee2, size2 int64) int {
	negative, high1, low1 := product(fee1, size2)
	other, high2, low2 := product(fee2, size1)
	switch {
	case negative && !other:
		return -1
	case other && !negative:
		return 1
	case negative:
		high1, low1, high2, low2 = high2, low2, high1, low1
	}
	return cmp.Or(cmp.Compare(high1, high2), cmp.Compare(low1, low2))
}

// product multiplies a fee of any sign by a size.
func product(fee, size int64) (negative bool, high, low uint64) {
	magnitude := uint64(fee)
	if fee < 0 {
		negative, magnitude = true, -magnitude
	}
	high, low = bits.Mul64(magnitude, uint64(size))
	return negative, high, low
}

// chunked groups an order into chunks of falling fee rate.
func chunked(order []*Entry) []chunk {
	var chunks []chunk
	for _, e := range order {
		next := chunk{entries: []*Entry{e}, fee: e.modified(), weight: e.Weight}
		for len(chunks) > 0 {
			last := chunks[len(chunks)-1]
			if compareRates(next.fee, next.weight, last.fee, last.weight) <= 0 {
				break
			}
			next = chunk{
				entries: append(slices.Clone(last.entries), next.entries...),
				fee:     last.fee + next.fee, weight: last.weight + next.weight,
			}
			chunks = chunks[:len(chunks)-1]
		}
		chunks = append(chunks, next)
	}
	return chunks
}

// improves reports whether the diagram of cumulated fee over size of after is
// nowhere below that of before, and somewhere above.
func improves(after, before []chunk) bool {
	slices.SortStableFunc(after, byRate)
	slices.SortStableFunc(before, byRate)
	above := false
	var points []int64
	for _, chunks := range [][]chunk{after, before} {
		size := int64(0)
		for _, c := range chunks {
			size += c.weight
			points = append(points, size)
		}
	}
	for _, size := range points {
		switch feeAt(after, size).Cmp(feeAt(before, size)) {
		case -1:
			return false
		case 1:
			above = true
		}
	}
	return above
}

// feeAt interpolates a diagram, which stays flat after its end.
func feeAt(chunks []chunk, size int64) *big.Rat {
	fee := new(big.Rat)
	for _, c := range chunks {
		if size <= c.weight {
			part := new(big.Rat).Mul(big.NewRat(c.fee, c.weight), new(big.Rat).SetInt64(size))
			return fee.Add(fee, part)
		}
		size -= c.weight
		fee.Add(fee, new(big.Rat).SetInt64(c.fee))
	}
	return fee
}
