package roster

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// How many inbound connections are safe from eviction by each merit, as in Bitcoin
// Core. The rest is halved by uptime, see protectByRatio.
const (
	protectedByGroup      = 4
	protectedByPing       = 8
	protectedByTxs        = 4
	protectedByBlocksOnly = 8
	protectedByBlocks     = 4
)

// Merits are what speaks for keeping a connection. Times are Unix seconds, 0 for never.
type Merits struct {
	LowestPing time.Duration // 0 is unknown
	LastBlock  int64         // when it last sent a block that was new
	LastTx     int64         // when it last sent a transaction that was new
	LastNews   int64         // when it last told of a chain better than ours
	RelaysTxs  bool          // it is told of transactions
	Serves     bool          // it offers all services that we want of peers
	// Downloading: blocks are to come from it.
	Downloading bool
}

// admit makes room for an inbound connection among those of its profile, by evicting
// one if need be.
func (r *Roster) admit(profile string) ([]Order, Refusal) {
	if r.RoomInside(profile) > 0 {
		return nil, ""
	}
	slots, reserved := r.slots(profile)
	orders, ok := r.evict(func(p Peer) bool { return slots > 0 && !reserved && p.Profile == profile })
	if !ok {
		return nil, Full
	}
	return orders, ""
}

// slots is how many inbound connections of a profile there may be, and whether none of
// them goes for another one.
func (r *Roster) slots(profile string) (n int, reserved bool) {
	if pool, ok := r.limits.Pools[profile]; ok {
		return pool.Slots, pool.Reserved
	}
	return r.publicSlots(), false
}

// RoomInside is how many more inbound connections of a profile there may be, those that
// are told to leave not counted.
func (r *Roster) RoomInside(profile string) int {
	slots, _ := r.slots(profile)
	return slots - r.staying(func(p *Peer) bool { return p.Kind == p2p.Inbound && p.Profile == profile })
}

// AdmitTxRelay makes room for an inbound connection that is to be told of transactions:
// how many may be is limited, as their queues take memory. It reports false if it has to
// go itself.
func (r *Roster) AdmitTxRelay(id int64) ([]Order, bool) {
	p := r.peers[id]
	if p == nil || p.Kind != p2p.Inbound {
		return nil, true
	}
	p.RelaysTxs = true
	if p.Profile != "" {
		return nil, true // its slots bound them
	}
	if r.RoomForTxRelay(id) <= 0 {
		return r.evict(func(p Peer) bool { return p.RelaysTxs && p.Profile == "" && p.ID != id })
	}
	return nil, true
}

// RoomForTxRelay is how many inbound connections may be told of transactions beside
// others than this one.
func (r *Roster) RoomForTxRelay(id int64) int {
	told := r.staying(func(p *Peer) bool { return p.Kind == p2p.Inbound && p.Profile == "" && p.RelaysTxs && p.ID != id })
	return r.publicSlots()*r.limits.TxRelayPercent/100 - told
}

// staying counts the connections that match and are not told to leave.
func (r *Roster) staying(match func(*Peer) bool) (n int) {
	for _, p := range r.peers {
		if !p.Leaving && match(p) {
			n++
		}
	}
	return n
}

// evict drops one of the inbound connections that may be, if there is one.
func (r *Roster) evict(may func(Peer) bool) ([]Order, bool) {
	victim, ok := evictionCandidate(slices.DeleteFunc(r.Peers(), func(p Peer) bool { return !may(p) }))
	if !ok {
		return nil, false
	}
	return r.leave(victim.ID, p2p.EndedByEviction, "selected "+string(p2p.Inbound)+" connection for eviction"), true
}

// evictionCandidate chooses whom to drop for a newcomer. Connections that an attacker
// can hardly imitate stay: of groups that nobody can foresee, with short pings, that
// were useful, that last. Of the rest, the youngest of the most crowded group goes, or
// of those that are discouraged if there are any. The list is used up.
func evictionCandidate(peers []Peer) (Peer, bool) {
	list := slices.DeleteFunc(peers, func(p Peer) bool { return p.Kind != p2p.Inbound || p.NoBan || p.Leaving })
	all := func(Peer) bool { return true }
	list = protect(list, protectedByGroup, byGroup, all)
	list = protect(list, protectedByPing, byPing, all)
	list = protect(list, protectedByTxs, byTxs, all)
	list = protect(list, protectedByBlocksOnly, byBlocksOnly, func(p Peer) bool { return !p.RelaysTxs && p.Serves })
	list = protect(list, protectedByBlocks, byBlocks, all)
	list = protectByRatio(list)
	if slices.ContainsFunc(list, func(p Peer) bool { return p.Discouraged }) {
		list = slices.DeleteFunc(list, func(p Peer) bool { return !p.Discouraged })
	}
	return youngestOfMostCrowded(list)
}

// protect takes out the best n of a list that has the worst first, as far as they match.
func protect(list []Peer, n int, worse func(a, b Peer) int, match func(Peer) bool) []Peer {
	slices.SortStableFunc(list, worse)
	safe := len(list) - min(n, len(list))
	return append(list[:safe], slices.DeleteFunc(slices.Clone(list[safe:]), match)...)
}

func byGroup(a, b Peer) int { return cmp.Compare(a.Group, b.Group) }

func byPing(a, b Peer) int { return cmp.Compare(b.ping(), a.ping()) }

func (p Peer) ping() time.Duration {
	if p.LowestPing == 0 {
		return math.MaxInt64
	}
	return p.LowestPing
}

// byUptime has the youngest first.
func byUptime(a, b Peer) int { return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(b.ID, a.ID)) }

func byTxs(a, b Peer) int {
	return cmp.Or(cmp.Compare(a.LastTx, b.LastTx), falseFirst(a.RelaysTxs, b.RelaysTxs), byUptime(a, b))
}

func byBlocksOnly(a, b Peer) int {
	return cmp.Or(falseFirst(b.RelaysTxs, a.RelaysTxs), byBlocks(a, b))
}

func byBlocks(a, b Peer) int {
	return cmp.Or(cmp.Compare(a.LastBlock, b.LastBlock), falseFirst(a.Serves, b.Serves), byUptime(a, b))
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// youngestOfMostCrowded returns the youngest of the group that has most of a list, of
// equals that with the youngest.
func youngestOfMostCrowded(list []Peer) (Peer, bool) {
	if len(list) == 0 {
		return Peer{}, false
	}
	crowd := map[uint64]int{}
	for _, p := range list {
		crowd[p.Group]++
	}
	return slices.MaxFunc(list, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(crowd[a.Group], crowd[b.Group]), byUptime(b, a))
	}), true
}
