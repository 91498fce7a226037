package roster

import "github.com/bulkheadnode/bulkhead/bus/msg/p2p"

// MissingPrivate returns how many more connections are to be made that send one
// transaction each (p2p.PrivateBroadcast), if so many peers are wanted. Those that are
// being made count, and those that have not got their transaction yet: of the others,
// which are ready, the node does not speak any more. They take no automatic slot, but
// there is a bound for all of them.
func (r *Roster) MissingPrivate(wanted int) int {
	if !r.active {
		return 0
	}
	all, served := r.made(p2p.PrivateBroadcast), 0
	for _, p := range r.peers {
		if p.Kind == p2p.PrivateBroadcast && p.Ready {
			served++
		}
	}
	return max(min(wanted-(all-served), r.limits.Private-all), 0)
}
