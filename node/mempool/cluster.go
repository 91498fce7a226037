package mempool

import (
	"slices"
	"sync/atomic"
)

// cluster is a set of transactions connected by spends. Its linearization
// tells in which order a miner would take them.
type cluster struct {
	members map[*Entry]struct{}
	vsize   int64
	// nil if not known: readers fill it, and find the same
	chunks atomic.Pointer[[]chunk]
}

// chunk is a run of a linearization that is mined or evicted together.
type chunk struct {
	entries []*Entry
	fee     int64
	vsize   int64
}

func (c *cluster) add(e *Entry) {
	c.members[e] = struct{}{}
	c.vsize += e.VSize
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
	chunks := chunked(linearize(c.members))
	c.chunks.Store(&chunks)
	return chunks
}

// linearize orders entries by taking, again and again, the best set of an
// entry and its ancestors that are left.
func linearize(members map[*Entry]struct{}) []*Entry {
	entries := parentsFirst(members)
	ancestors := make(map[*Entry]map[*Entry]struct{}, len(entries))
	for _, e := range entries {
		within := e.ancestors()
		for a := range within {
			if _, ok := members[a]; !ok {
				delete(within, a)
			}
		}
		ancestors[e] = within
	}
	order := make([]*Entry, 0, len(entries))
	for len(order) < len(entries) {
		var best *Entry
		var bestFee, bestSize int64
		for _, e := range entries {
			if len(ancestors[e]) == 0 {
				continue
			}
			fee, size := totals(ancestors[e])
			if best == nil || compareRates(fee, size, bestFee, bestSize) > 0 {
				best, bestFee, bestSize = e, fee, size
			}
		}
		for _, taken := range parentsFirst(ancestors[best]) {
			order = append(order, taken)
			for _, e := range entries {
				delete(ancestors[e], taken)
			}
		}
	}
	return order
}

func totals(set map[*Entry]struct{}) (fee, vsize int64) {
	for e := range set {
		fee += e.modified()
		vsize += e.VSize
	}
	return fee, vsize
}

// compareRates orders fee1/size1 and fee2/size2; with equal rates the larger
// set wins nothing.
func compareRates(fee1, size1, fee2, size2 int64) int {
	a, b := float64(fee1)*float64(size2), float64(fee2)*float64(size1)
	switch {
	case a > b:
		return 1
	case a < b:
		return -1
	}
	return 0
}

// chunked groups an order into chunks of falling fee rate.
func chunked(order []*Entry) []chunk {
	var chunks []chunk
	for _, e := range order {
		next := chunk{entries: []*Entry{e}, fee: e.modified(), vsize: e.VSize}
		for len(chunks) > 0 {
			last := chunks[len(chunks)-1]
			if compareRates(next.fee, next.vsize, last.fee, last.vsize) <= 0 {
				break
			}
			next = chunk{
				entries: append(slices.Clone(last.entries), next.entries...),
				fee:     last.fee + next.fee, vsize: last.vsize + next.vsize,
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
	byRate := func(a, b chunk) int { return compareRates(b.fee, b.vsize, a.fee, a.vsize) }
	slices.SortStableFunc(after, byRate)
	slices.SortStableFunc(before, byRate)
	above := false
	var points []int64
	for _, chunks := range [][]chunk{after, before} {
		size := int64(0)
		for _, c := range chunks {
			size += c.vsize
			points = append(points, size)
		}
	}
	for _, size := range points {
		a, b := feeAt(after, size), feeAt(before, size)
		if a < b {
			return false
		}
		above = above || a > b
	}
	return above
}

// feeAt interpolates a diagram, which stays flat after its end.
func feeAt(chunks []chunk, size int64) float64 {
	fee := 0.0
	for _, c := range chunks {
		if size <= c.vsize {
			return fee + float64(c.fee)*float64(size)/float64(c.vsize)
		}
		size -= c.vsize
		fee += float64(c.fee)
	}
	return fee
}
