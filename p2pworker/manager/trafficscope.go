package manager

import (
	"slices"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// scope is what setthrottle can limit: what is set now, how to set it, and whom it
// concerns.
type scope struct {
	rates    p2p.Rates
	set      func(p2p.Rates)
	concerns func(roster.Peer) bool
}

// limitOf finds a scope by its name. The mutex is held.
func (m commands) limitOf(name string, id int64) (scope, error) {
	now, ledger := time.Now(), m.ledger
	if name == scopeTotal {
		return scope{ledger.Total(), func(r p2p.Rates) { ledger.SetTotal(now, r) }, everyone}, nil
	}
	if class, ok := p2p.ParseTrafficClass(name); ok {
		return scope{ledger.Class(class), func(r p2p.Rates) { ledger.SetClass(now, class, r) }, everyone}, nil
	}
	if profile, ok := strings.CutPrefix(name, profileScope); ok {
		if !slices.ContainsFunc(m.cfg.Profiles, func(p Profile) bool { return p.Name == profile }) {
			return scope{}, rpc.Errorf(rpc.InvalidParameter, "Error: There is no -listenprofile of this name")
		}
		return scope{ledger.Profile(profile), func(r p2p.Rates) { ledger.SetProfile(now, profile, r) }, everyone}, nil
	}
	if name != scopePeer {
		return scope{}, rpc.Errorf(rpc.InvalidParameter,
			"Error: Unknown scope: it is total, peer, profile:NAME, or a class of messages: blocks, transactions, addresses or handshakes")
	}
	if _, connected := m.roster.Peer(id); !connected {
		return scope{}, rpc.Errorf(rpc.NodeNotConnected, "Node not found in connected nodes")
	}
	return scope{ledger.Peer(id), func(r p2p.Rates) { ledger.SetPeer(id, r) }, func(p roster.Peer) bool { return p.ID == id }}, nil
}
