package roster

import (
	"cmp"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// How many inbound connections are safe from eviction by each merit.
const (
	protectedByPing   = 8
	protectedByGroups = 4
)

// admit makes room for an inbound connection among those of its profile, by evicting
// one if need be.
func (r *Roster) admit(profile string) ([]Order, Refusal) {
	limit, reserved := r.publicSlots(), false
	if pool, ok := r.limits.Pools[profile]; ok {
		limit, reserved = pool.Slots, pool.Reserved
	}
	staying := r.inboundOf(profile)
	if len(staying) < limit {
		return nil, ""
	}
	victim, ok := evictionCandidate(staying)
	if !ok || limit <= 0 || reserved {
		return nil, Full
	}
	return r.leave(victim.ID, p2p.EndedByEviction, "selected "+string(p2p.Inbound)+" connection for eviction"), ""
}

// evictionCandidate chooses whom to drop for a newcomer. Connections that
// an attacker can hardly imitate stay: short pings, different networks, long
// connections. Of the rest, the youngest of the most crowded network goes.
func evictionCandidate(peers []Peer) (Peer, bool) {
	list := slices.DeleteFunc(slices.Clone(peers), func(p Peer) bool {
		return p.Kind != p2p.Inbound || p.NoBan || p.Leaving
	})
	slices.SortStableFunc(list, func(a, b Peer) int { return cmp.Compare(a.Remote.Host.Group(), b.Remote.Host.Group()) })
	list = dropOnePerGroup(list, protectedByGroups)
	slices.SortStableFunc(list, func(a, b Peer) int {
		if (a.LowestPing == 0) != (b.LowestPing == 0) {
			return cmp.Compare(boolInt(a.LowestPing == 0), boolInt(b.LowestPing == 0))
		}
		return cmp.Compare(a.LowestPing, b.LowestPing)
	})
	n := 0
	for n < len(list) && n < protectedByPing && list[n].LowestPing > 0 {
		n++
	}
	list = list[n:]
	slices.SortStableFunc(list, func(a, b Peer) int { return a.Opened.Compare(b.Opened) })
	list = list[len(list)/2:]
	return youngestOfMostCrowded(list)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// dropOnePerGroup protects the first peer of each of the first n groups.
func dropOnePerGroup(sorted []Peer, n int) []Peer {
	var rest []Peer
	last, protected := "", 0
	for _, p := range sorted {
		if g := p.Remote.Host.Group(); g != last && protected < n && distinctGroups(sorted) > 1 {
			last = g
			protected++
			continue
		}
		rest = append(rest, p)
	}
	return rest
}

func distinctGroups(list []Peer) int {
	groups := map[string]struct{}{}
	for _, p := range list {
		groups[p.Remote.Host.Group()] = struct{}{}
	}
	return len(groups)
}

func youngestOfMostCrowded(list []Peer) (Peer, bool) {
	if len(list) == 0 {
		return Peer{}, false
	}
	crowd := map[string]int{}
	for _, p := range list {
		crowd[p.Remote.Host.Group()]++
	}
	return slices.MaxFunc(list, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(crowd[a.Remote.Host.Group()], crowd[b.Remote.Host.Group()]),
			a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
	}), true
}
