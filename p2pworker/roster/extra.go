package roster

import (
	"cmp"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// leastConnected is how long a connection lasts before it may be one too many (Bitcoin
// Core's MINIMUM_CONNECT_TIME): before, it has had no chance to tell anything.
const leastConnected = 30 * time.Second

// Surplus is how many automatic connections of a kind there are beyond the limit: for a
// while there may be one more, to see what others know.
func (r *Roster) Surplus(kind p2p.ConnectionType) int {
	n := r.staying(func(p *Peer) bool { return p.Kind == kind && p.Ready })
	return max(n-r.Limit(kind), 0)
}

// SpareOutbound is how many more automatic connections there may be of whatever kind.
func (r *Roster) SpareOutbound() int {
	n := 0
	for _, kind := range []p2p.ConnectionType{p2p.FullRelay, p2p.BlockRelayOnly, p2p.Feeler} {
		n += r.made(kind)
	}
	return max(r.limits.outbound()-n, 0)
}

// ExtraBlockRelay names the block-relay-only connection that is one too many: the
// youngest, unless the one before it sent a block less lately.
func (r *Roster) ExtraBlockRelay() (Peer, bool) {
	list := r.ofKind(p2p.BlockRelayOnly)
	if r.Surplus(p2p.BlockRelayOnly) == 0 || len(list) == 0 {
		return Peer{}, false
	}
	slices.SortFunc(list, func(a, b Peer) int { return cmp.Compare(b.ID, a.ID) })
	if len(list) > 1 && list[0].LastBlock > list[1].LastBlock {
		return list[1], true
	}
	return list[0], true
}

// ExtraFullRelay names the full-relay connection that is one too many: that which told
// of a better chain least lately, of equals the youngest. One that is protected is not
// it, nor is the only one over its network.
func (r *Roster) ExtraFullRelay() (Peer, bool) {
	list := slices.DeleteFunc(r.ofKind(p2p.FullRelay), func(p Peer) bool {
		return p.Protected || r.OverNetwork(p.Network) <= 1
	})
	if r.Surplus(p2p.FullRelay) == 0 || len(list) == 0 {
		return Peer{}, false
	}
	return slices.MinFunc(list, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(a.LastNews, b.LastNews), cmp.Compare(b.ID, a.ID))
	}), true
}

// OverNetwork counts the full-relay connections that we made over a network, for
// whatever reason.
func (r *Roster) OverNetwork(network p2p.NetworkID) int {
	return r.staying(func(p *Peer) bool {
		return p.Network == network && (p.Kind == p2p.FullRelay || p.Kind == p2p.Manual)
	})
}

// DismissExtra ends a connection that is one too many, unless it has just begun or
// blocks are to come from it.
func (r *Roster) DismissExtra(now time.Time, id int64) ([]Order, bool) {
	p := r.peers[id]
	if p == nil || p.Downloading || now.Sub(p.Opened) < leastConnected {
		return nil, false
	}
	return r.leave(id, p2p.OneTooMany, ""), true
}

func (r *Roster) ofKind(kind p2p.ConnectionType) []Peer {
	return slices.DeleteFunc(r.Peers(), func(p Peer) bool { return p.Kind != kind || p.Leaving })
}
