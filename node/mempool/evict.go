package mempool

import "container/heap"

// evictions finds the worst chunk of all clusters. Nothing is computed until
// the pool is full for the first time; from then on clusters are looked at when
// they have changed.
type evictions struct {
	built bool
	queue offerings
	fresh []*cluster // changed since they were queued, if at all
}

// changed notes a new cluster, or one whose fees have changed.
func (v *evictions) changed(entries int, clusters ...*cluster) {
	if !v.built {
		return
	}
	v.fresh = append(v.fresh, clusters...)
	// A pool that is long from being full need not be followed.
	const slack = 1000
	if len(v.fresh)+len(v.queue) > 4*entries+slack {
		*v = evictions{}
	}
}

// worst returns the chunk with the lowest fee rate. There is an entry.
func (p *Pool) worst() chunk {
	v := &p.evictions
	if !v.built {
		v.built = true
		seen := map[*cluster]struct{}{}
		for _, e := range p.entries {
			if _, known := seen[e.cluster]; !known {
				seen[e.cluster] = struct{}{}
				v.fresh = append(v.fresh, e.cluster)
			}
		}
	}
	for _, c := range v.fresh {
		if c.alive() {
			heap.Push(&v.queue, offering{c, c.last()})
		}
	}
	v.fresh = nil
	for {
		top := v.queue[0]
		if !top.cluster.alive() {
			heap.Pop(&v.queue)
			continue
		}
		now := top.cluster.last()
		if now.fee == top.chunk.fee && now.weight == top.chunk.weight {
			return now
		}
		v.queue[0].chunk = now
		heap.Fix(&v.queue, 0)
	}
}

// last returns the chunk that a miner would take last.
func (c *cluster) last() chunk {
	chunks := c.linearized()
	return chunks[len(chunks)-1]
}

// alive reports whether the cluster was neither merged into another nor
// divided.
func (c *cluster) alive() bool {
	for e := range c.members {
		return e.cluster == c
	}
	return false
}

// offering is a cluster in the queue with its last chunk when it was queued.
type offering struct {
	cluster *cluster
	chunk   chunk
}

// offerings is a heap, worst fee rate first.
type offerings []offering

func (o offerings) Len() int { return len(o) }
func (o offerings) Less(i, j int) bool {
	a, b := o[i].chunk, o[j].chunk
	return compareRates(a.fee, a.weight, b.fee, b.weight) < 0
}
func (o offerings) Swap(i, j int) { o[i], o[j] = o[j], o[i] }
func (o *offerings) Push(x any)   { *o = append(*o, x.(offering)) }
func (o *offerings) Pop() any {
	old := *o
	last := old[len(old)-1]
	*o = old[:len(old)-1]
	return last
}
