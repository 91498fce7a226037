package roster

import (
	"cmp"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// disadvantaged are peers whose connections are slow by nature, so that they would be
// evicted by most other measures.
type disadvantaged struct {
	is    func(Peer) bool
	count int
}

func disadvantages() []disadvantaged {
	over := func(network p2p.NetworkID) disadvantaged {
		return disadvantaged{is: func(p Peer) bool { return p.Network == network }}
	}
	// Of this machine are those that come by a proxy, as Tor's daemon is one.
	local := disadvantaged{is: func(p Peer) bool { return p.Remote.Host.IsLocal() }}
	return []disadvantaged{over(p2p.CJDNS), over(p2p.I2P), local, over(p2p.TorV3)}
}

// protectByRatio takes out one half: up to half of these by the networks that are
// disadvantaged, those with the fewest peers first, the others by uptime.
func protectByRatio(list []Peer) []Peer {
	total := len(list) / 2
	groups := disadvantages()
	for i := range groups {
		for _, p := range list {
			if groups[i].is(p) {
				groups[i].count++
			}
		}
	}
	slices.SortStableFunc(groups, func(a, b disadvantaged) int { return cmp.Compare(a.count, b.count) })
	list, taken := protectGroups(list, groups, total/2)
	return protect(list, total-taken, byUptime, func(Peer) bool { return true })
}

// protectGroups takes out up to limit peers, shared evenly among the groups that have
// any; what one leaves others may have. A round that takes nobody is the last one, as in
// Bitcoin Core (protected_at_least_one): a peer of two groups, as one that came by our
// onion service over Tor's daemon on this machine, is counted in both and taken in one.
func protectGroups(list []Peer, groups []disadvantaged, limit int) (rest []Peer, taken int) {
	for taken < limit {
		groups = slices.DeleteFunc(groups, func(g disadvantaged) bool { return g.count == 0 })
		if len(groups) == 0 {
			break
		}
		share, until := max((limit-taken)/len(groups), 1), taken
		for i := range groups {
			if taken >= limit {
				break
			}
			before := len(list)
			list = protect(list, share, groups[i].longest, groups[i].is)
			taken += before - len(list)
			groups[i].count -= before - len(list)
		}
		if taken == until {
			break
		}
	}
	return list, taken
}

// longest orders the group's peers behind others, each by uptime.
func (g disadvantaged) longest(a, b Peer) int {
	return cmp.Or(falseFirst(g.is(a), g.is(b)), byUptime(a, b))
}
