package manager

import (
	"context"
	"net/netip"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

const (
	// gossipPenalty makes addresses that we were told older than claimed.
	gossipPenalty = 2 * time.Hour
	// maxGossip and gossipPercent bound an answer to getaddr.
	maxGossip, gossipPercent = 1000, 23
	// gossipCacheTime is how long the same answer is given to all who ask, so
	// that asking often does not reveal the book.
	gossipCacheTime = 24 * time.Hour
	// relayWidth is how many peers an address is passed on to.
	relayWidth = 2
)

// addAddresses serves AddAddresses.
func (m *manager) addAddresses(_ context.Context, req msg.AddAddressesRequest) (bus.None, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	source, ok := m.roster.Peer(req.Peer)
	if !ok || len(req.Addresses) > maxGossip {
		return bus.None{}, nil
	}
	for _, a := range req.Addresses {
		end, ok := endpointOf(a)
		if !ok || !session.Routable(end.Addr()) || m.bans.Banned(end.Addr(), m.now()) {
			continue
		}
		m.book.Add(addrbook.Entry{Address: end, Services: wire.ServiceFlag(a.Services), Source: source.Remote.Addr(),
			Seen: time.Unix(a.Time, 0).Add(-gossipPenalty)}, m.random.Uint64, m.now())
	}
	m.relay(req.Peer, req.Relay)
	return bus.None{}, nil
}

// relay passes fresh addresses on to a few other peers. The mutex is held.
func (m *manager) relay(from int64, list []msg.NetAddr) {
	if len(list) == 0 {
		return
	}
	var others []roster.Peer
	for _, p := range m.roster.Peers() {
		if p.ID != from && p.Ready && !p.Leaving && p.Kind != roster.BlockRelayOnly && p.Kind != roster.Feeler {
			others = append(others, p)
		}
	}
	for _, a := range list {
		for i := range min(relayWidth, len(others)) {
			j := i + int(m.random.Uint64()%uint64(len(others)-i))
			others[i], others[j] = others[j], others[i]
			if q := m.queues[others[i].Worker]; q != nil {
				q.add(msg.WorkerOrder{Relay: &msg.RelayOrder{Peer: others[i].ID, Addresses: []msg.NetAddr{a}}})
			}
		}
	}
}

// getAddresses serves GetAddresses.
func (m *manager) getAddresses(_ context.Context, req msg.PeerRequest) (msg.AddressesReply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.roster.Peer(req.Peer)
	if !ok {
		return msg.AddressesReply{}, nil
	}
	if f := m.facts[req.Peer]; f != nil && f.permissions["addr"] {
		return msg.AddressesReply{Addresses: m.sampleAddresses()}, nil
	}
	cached := m.gossip[p.Local]
	if m.now().Sub(cached.made) > gossipCacheTime || m.now().Before(cached.made) {
		if len(m.gossip) > maxGossip {
			clear(m.gossip)
		}
		cached = gossipCache{made: m.now(), list: m.sampleAddresses()}
		m.gossip[p.Local] = cached
	}
	return msg.AddressesReply{Addresses: cached.list}, nil
}

type gossipCache struct {
	made time.Time
	list []msg.NetAddr
}

func (m *manager) sampleAddresses() []msg.NetAddr {
	var list []msg.NetAddr
	for _, e := range m.book.Sample(m.random.Uint64, m.now(), maxGossip, gossipPercent) {
		if m.bans.Banned(e.Address.Addr(), m.now()) {
			continue
		}
		a := session.AddressOf(e.Address, e.Services, e.Seen.Unix())
		list = append(list, msg.NetAddr{Time: a.Time, Services: uint64(a.Services),
			Network: uint8(a.Network), Host: []byte(a.Host), Port: a.Port})
	}
	return list
}

func endpointOf(a msg.NetAddr) (netip.AddrPort, bool) {
	return session.Address{Network: session.NetworkID(a.Network), Host: string(a.Host), Port: a.Port}.IP()
}

// noteAttempt tells the book that an address is being tried.
func (m *manager) noteAttempt(target string) {
	if ap, err := netip.ParseAddrPort(target); err == nil {
		m.book.Attempted(ap, m.now())
	}
}

// fillSlots chooses addresses for the automatic connections that are missing.
// The mutex is held.
func (m *manager) fillSlots() {
	if !m.cfg.Automatic {
		return
	}
	for _, kind := range []roster.Kind{roster.FullRelay, roster.BlockRelayOnly} {
		for range m.roster.Wanted(kind) {
			e, ok := m.book.Select(m.random.Uint64, m.now(), m.eligible)
			if !ok {
				break
			}
			_, orders, _ := m.roster.Dial(m.now(), e.Address.String(), kind)
			m.dispatch(orders)
		}
	}
}

// eligible allows one automatic connection a network group.
func (m *manager) eligible(e addrbook.Entry) bool {
	const need = wire.SFNodeNetwork | wire.SFNodeWitness
	if e.Services&need != need || m.now().Sub(e.LastTry) < 10*time.Minute ||
		m.bans.Banned(e.Address.Addr(), m.now()) || m.bans.Discouraged(e.Address.Addr()) {
		return false
	}
	for _, p := range m.roster.Peers() {
		if p.Kind != roster.Inbound && addrbook.Group(p.Remote.Addr()) == addrbook.Group(e.Address.Addr()) {
			return false
		}
	}
	return true
}
