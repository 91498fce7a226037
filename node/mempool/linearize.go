package mempool

import (
	"slices"
)

// linearize orders entries as a miner would take them, none before one that it spends:
// chunked cuts the order into the chunks of the best diagram there is. Each time the
// set with the highest fee rate of all those that hold what they spend comes next; it
// is found as a maximum closure (Picard 1976), whose rate is raised until no set beats
// it (Dinkelbach 1967).
func linearize(members map[*Entry]struct{}) []*Entry {
	g := newGraph(members)
	order := make([]*Entry, 0, len(g.entries))
	for len(order) < len(g.entries) {
		for _, i := range g.densest() {
			order = append(order, g.entries[i])
			g.taken[i] = true
		}
	}
	return order
}

// graph is a set of entries by position, parents first.
type graph struct {
	entries []*Entry
	parents [][]int // within the set
	taken   []bool
	fee     []int64
	weight  []int64
}

func newGraph(members map[*Entry]struct{}) *graph {
	entries := parentsFirst(members)
	n := len(entries)
	g := &graph{entries: entries, parents: make([][]int, n), taken: make([]bool, n), fee: make([]int64, n), weight: make([]int64, n)}
	position := make(map[*Entry]int, n)
	for i, e := range entries {
		position[e], g.fee[i], g.weight[i] = i, e.modified(), e.Weight
		for parent := range e.parents {
			if at, within := position[parent]; within {
				g.parents[i] = append(g.parents[i], at)
			}
		}
		slices.Sort(g.parents[i])
	}
	return g
}

// densest returns the positions, in order, of the set with the highest fee rate that
// holds all that it spends of what is not taken.
func (g *graph) densest() []int {
	best := g.bestAncestry()
	for {
		fee, weight := g.totals(best)
		better := g.closureAbove(fee, weight)
		if len(better) == 0 {
			return best
		}
		// Rounding may show a set that is no better.
		if f, w := g.totals(better); compareRates(f, w, fee, weight) <= 0 {
			return best
		}
		best = better
	}
}

func (g *graph) totals(set []int) (fee, weight int64) {
	for _, i := range set {
		fee += g.fee[i]
		weight += g.weight[i]
	}
	return fee, weight
}

// bestAncestry returns the set with the highest fee rate of those that are an entry and
// its ancestors.
func (g *graph) bestAncestry() (best []int) {
	var bestFee, bestWeight int64
	within := make([]bool, len(g.entries))
	for i := range g.entries {
		if g.taken[i] {
			continue
		}
		clear(within)
		within[i] = true
		set := []int{}
		for at := i; at >= 0; at-- { // those that at spends are before it
			if !within[at] || g.taken[at] {
				continue
			}
			set = append(set, at)
			for _, parent := range g.parents[at] {
				within[parent] = true
			}
		}
		fee, weight := g.totals(set)
		if best == nil || compareRates(fee, weight, bestFee, bestWeight) > 0 {
			slices.Reverse(set)
			best, bestFee, bestWeight = set, fee, weight
		}
	}
	return best
}

// closureAbove returns the set that gains most over what its weight costs at the rate
// fee/weight, of those that hold all that they spend; nil if none gains.
func (g *graph) closureAbove(fee, weight int64) (set []int) {
	n := len(g.entries)
	source, sink := n, n+1
	flow := newNetwork(n + 2)
	gain := 0.0
	for i := range g.entries {
		if g.taken[i] {
			continue
		}
		value := float64(g.fee[i])*float64(weight) - float64(g.weight[i])*float64(fee)
		if value > 0 {
			flow.join(source, i, value)
			gain += value
		} else {
			flow.join(i, sink, -value)
		}
		for _, parent := range g.parents[i] {
			if !g.taken[parent] {
				flow.join(i, parent, unlimited)
			}
		}
	}
	if gain == 0 {
		return nil
	}
	for i, kept := range flow.cut(source, sink) {
		if kept && i < n && !g.taken[i] {
			set = append(set, i)
		}
	}
	return set
}

// unlimited is a capacity that no cut pays: entries and what they spend stay together.
const unlimited = 1e300

// network is a graph of capacities. A pipe and its reverse are neighbours in pipes.
type network struct {
	pipes []pipe
	from  [][]int // pipes that leave a node
}

type pipe struct {
	to   int
	room float64
}

func newNetwork(nodes int) *network { return &network{from: make([][]int, nodes)} }

func (w *network) join(a, b int, room float64) {
	w.from[a] = append(w.from[a], len(w.pipes))
	w.from[b] = append(w.from[b], len(w.pipes)+1)
	w.pipes = append(w.pipes, pipe{b, room}, pipe{a, 0})
}

// cut fills the network along shortest paths (Edmonds and Karp), which ends after at
// most as many rounds as there are nodes times pipes, whatever the capacities are, and
// returns the source's side of the least cut.
func (w *network) cut(source, sink int) (reached []bool) {
	for {
		came := w.search(source)
		if came[sink] < 0 {
			reached = make([]bool, len(came))
			for i := range came {
				reached[i] = came[i] >= 0
			}
			reached[source] = true
			return reached
		}
		w.fill(came, source, sink)
	}
}

// search returns by which pipe each node is reached first, or -1.
func (w *network) search(source int) (came []int) {
	came = slices.Repeat([]int{-1}, len(w.from))
	queue := []int{source}
	for at := 0; at < len(queue); at++ {
		for _, p := range w.from[queue[at]] {
			if next := w.pipes[p].to; w.pipes[p].room > 0 && came[next] < 0 && next != source {
				came[next] = p
				queue = append(queue, next)
			}
		}
	}
	return came
}

func (w *network) fill(came []int, source, sink int) {
	room := unlimited
	for at := sink; at != source; at = w.pipes[came[at]^1].to {
		room = min(room, w.pipes[came[at]].room)
	}
	for at := sink; at != source; at = w.pipes[came[at]^1].to {
		w.pipes[came[at]].room -= room
		w.pipes[came[at]^1].room += room
	}
}

// byRate orders chunks, the best first.
func byRate(a, b chunk) int {
	return compareRates(b.fee, b.weight, a.fee, a.weight)
}
