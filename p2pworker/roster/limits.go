package roster

import (
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Pool is the slots of one listener, which count for nothing else.
type Pool struct {
	Slots int
	// Reserved: nobody in it leaves for another.
	Reserved bool
}

// Pooled says which limit SetLimit changes.
type Pooled string

// The limits that can be changed; PoolOf is that of a profile.
const (
	LimitTotal      Pooled = "total"
	LimitFullRelay  Pooled = Pooled(p2p.FullRelay)
	LimitBlockRelay Pooled = Pooled(p2p.BlockRelayOnly)
	LimitManual     Pooled = Pooled(p2p.Manual)
)

// poolPrefix begins the name of a pool's limit.
const poolPrefix = "profile:"

// PoolOf is the limit of a profile's pool.
func PoolOf(profile string) Pooled { return Pooled(poolPrefix + profile) }

// Limits returns the limits in force, by name.
func (r *Roster) Limits() map[Pooled]int {
	l := map[Pooled]int{
		LimitTotal: r.limits.Total, LimitFullRelay: r.limits.FullRelay, LimitBlockRelay: r.limits.BlockRelay, LimitManual: r.limits.Manual,
	}
	for name, pool := range r.limits.Pools {
		l[PoolOf(name)] = pool.Slots
	}
	return l
}

// Most is how many connections there may be at a time.
func (r *Roster) Most() int {
	n := r.limits.Total + r.limits.Manual + r.limits.Private
	for _, pool := range r.limits.Pools {
		n += pool.Slots
	}
	return n
}

// SetLimit changes a limit and orders the end of the connections that are too many:
// of inbound ones those that would have to go for a newcomer, of others the youngest.
// It returns false if there is no such limit.
func (r *Roster) SetLimit(which Pooled, n int) ([]Order, bool) {
	switch which {
	case LimitTotal:
		r.limits.Total = n
	case LimitFullRelay:
		r.limits.FullRelay = n
	case LimitBlockRelay:
		r.limits.BlockRelay = n
	case LimitManual:
		r.limits.Manual = n
	default:
		profile := string(which[min(len(poolPrefix), len(which)):])
		pool, ok := r.limits.Pools[profile]
		if !ok || which != PoolOf(profile) {
			return nil, false
		}
		pool.Slots = n
		r.limits.Pools[profile] = pool
	}
	return r.shed(), true
}

// shed ends the connections that are more than the limits allow.
func (r *Roster) shed() (orders []Order) {
	full, block := r.limits.automatic()
	for kind, limit := range map[p2p.ConnectionType]int{p2p.FullRelay: full, p2p.BlockRelayOnly: block, p2p.Manual: r.limits.Manual} {
		staying := r.stayers(func(p Peer) bool { return p.Kind == kind })
		orders = append(orders, r.shedYoungest(staying, limit)...)
	}
	orders = append(orders, r.shedInbound("", r.publicSlots())...)
	for profile, pool := range r.limits.Pools {
		orders = append(orders, r.shedInbound(profile, pool.Slots)...)
	}
	return orders
}

// publicSlots are those of inbound connections without a profile.
func (r *Roster) publicSlots() int { return max(r.limits.Total-r.limits.outbound(), 0) }

// stayers lists connections that were not told to leave, the oldest first.
func (r *Roster) stayers(match func(Peer) bool) []Peer {
	return slices.DeleteFunc(r.Peers(), func(p Peer) bool { return p.Leaving || !match(p) })
}

// inboundOf lists the inbound connections of a profile that stay.
func (r *Roster) inboundOf(profile string) []Peer {
	return r.stayers(func(p Peer) bool { return p.Kind == p2p.Inbound && p.Profile == profile })
}

const tooMany = "more connections than setconnlimit allows"

func (r *Roster) shedYoungest(staying []Peer, limit int) (orders []Order) {
	for len(staying) > max(limit, 0) {
		last := len(staying) - 1
		orders = append(orders, r.leave(staying[last].ID, p2p.EndedByConnLimit, tooMany)...)
		staying = staying[:last]
	}
	return orders
}

func (r *Roster) shedInbound(profile string, limit int) (orders []Order) {
	staying := r.inboundOf(profile)
	for len(staying) > limit {
		victim, ok := evictionCandidate(slices.Clone(staying))
		if !ok {
			break
		}
		orders = append(orders, r.leave(victim.ID, p2p.EndedByConnLimit, tooMany)...)
		staying = slices.DeleteFunc(staying, func(p Peer) bool { return p.ID == victim.ID })
	}
	return append(orders, r.shedYoungest(staying, limit)...)
}
