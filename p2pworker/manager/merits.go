package manager

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// freshEnough is how old what workers told of their connections may be to choose whom to
// drop: who opens connections by the dozen does not make all workers report each time.
const freshEnough = time.Second

// freshen has workers tell of their connections, unless they did a moment ago.
func (m *manager) freshen(ctx context.Context) {
	m.mu.Lock()
	due := time.Since(m.freshened) >= freshEnough
	if due {
		m.freshened = time.Now()
	}
	m.mu.Unlock()
	if due {
		m.describe(ctx)
	}
}

// crowded reports whether there is no room of a kind.
func (m *manager) crowded(room func(*roster.Roster) int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return room(m.roster) <= 0
}

// meritsOf is what speaks for a connection. A ping of less than a microsecond is one, too.
func meritsOf(r p2p.PeerReport) roster.Merits {
	const need = wire.SFNodeNetwork | wire.SFNodeWitness
	merits := roster.Merits{
		LastBlock: r.LastBlock, LastTx: r.LastTransaction, LastNews: r.LastNews, RelaysTxs: r.RelaysTxs,
		Serves: wire.ServiceFlag(r.Services)&need == need, Downloading: len(r.InFlight) > 0,
	}
	if r.Pinged {
		merits.LowestPing = max(time.Duration(r.MinPing)*time.Microsecond, 1)
	}
	return merits
}

// keyedGroup stands for a host's part of the network in the roster: strangers cannot
// tell whose comes first.
func (m *manager) keyedGroup(host p2p.Host) uint64 {
	return maphash.String(m.relaySeed, "group "+m.asmap.Group(host))
}

// relayTxs serves RelayTxs.
func (m *manager) relayTxs(ctx context.Context, req p2p.RelayTxsRequest) (p2p.RelayTxsReply, error) {
	if m.crowded(func(r *roster.Roster) int { return r.RoomForTxRelay(req.Peer) }) {
		m.freshen(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, own := m.peerOf(ctx, req.Peer); !own {
		return p2p.RelayTxsReply{}, nil
	}
	orders, ok := m.roster.AdmitTxRelay(req.Peer)
	m.dispatch(orders)
	return p2p.RelayTxsReply{Refused: !ok}, nil
}

// protectPeer serves ProtectPeer.
func (m *manager) protectPeer(ctx context.Context, req p2p.ProtectPeerRequest) (p2p.ProtectPeerReply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, own := m.peerOf(ctx, req.Peer); !own {
		return p2p.ProtectPeerReply{}, nil
	}
	return p2p.ProtectPeerReply{Protected: m.roster.Protect(req.Peer)}, nil
}
