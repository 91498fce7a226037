package manager

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

const (
	// gossipPenalty makes addresses that we were told older than claimed.
	gossipPenalty = 2 * time.Hour
	// maxGossip and gossipPercent bound an answer to getaddr.
	maxGossip, gossipPercent = 1000, 23
	// gossipCacheTime is how long the same answer is given to all who ask, so
	// that asking often does not reveal the book.
	gossipCacheTime = 24 * time.Hour
	// maxPassedOn is how many addresses of a message are passed on, as in Bitcoin Core:
	// those of one with more are an answer to getaddr.
	maxPassedOn = 10
	// relayWidth is how many peers an address is passed on to.
	relayWidth = 2
	// relayDay is how long they are the same, in seconds.
	relayDay = 24 * 60 * 60
)

// gossiper is the manager as workers see it who exchange addresses with peers.
type gossiper struct{ *manager }

// addAddresses serves AddAddresses.
func (m gossiper) addAddresses(ctx context.Context, req p2p.AddAddressesRequest) (p2p.Done, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	source, ok := m.peerOf(ctx, req.Peer)
	if !ok || len(req.Addresses) > maxGossip || len(req.Relay) > maxGossip {
		return p2p.Done{}, nil
	}
	added := 0
	for _, a := range req.Addresses {
		end := a.Endpoint()
		if !end.Host.Routable() || !m.cfg.Networks.reaches(end.Host.Network()) || m.bans.BannedOutbound(end.Host, m.now()) {
			continue
		}
		e := addrbook.Entry{Address: end, Services: a.Services, Source: source.Remote.Host, Seen: time.Unix(a.Time, 0)}
		if m.book.Add(e, gossipPenalty, m.random.Uint64, m.now()) {
			added++
			m.addrman.Debug(fmt.Sprintf("Added %s to new", end))
		}
	}
	if added > 0 {
		tried := m.book.Tried()
		m.addrman.Debug(fmt.Sprintf("Added %d addresses (of %d) from %s: %d tried, %d new",
			added, len(req.Addresses), source.Remote.Host, tried, m.book.Len()-tried))
	}
	m.verifyBook()
	m.relay(req.Peer, req.Relay)
	return p2p.Done{}, nil
}

// relay passes fresh addresses on to a few other peers. The mutex is held.
func (m gossiper) relay(from int64, list []p2p.NetAddr) {
	list = slices.DeleteFunc(list[:min(len(list), maxPassedOn)], func(a p2p.NetAddr) bool { return !m.passable(a) })
	if len(list) == 0 {
		return
	}
	var others []roster.Peer
	for _, p := range m.roster.Peers() {
		if p.ID != from && p.Ready && !p.Leaving && p.Kind != p2p.BlockRelayOnly && p.Kind != p2p.Feeler && p.Kind != p2p.PrivateBroadcast {
			others = append(others, p)
		}
	}
	for _, a := range list {
		for _, p := range m.destinations(a, others) {
			if q := m.queues[p.Worker]; q != nil && len(q.orders) < maxRelays {
				m.order(p.Worker, p2p.WorkerOrder{Relay: &p2p.RelayOrder{Peer: p.ID, Addresses: []p2p.NetAddr{a}}})
			}
		}
	}
}

// passable reports whether an address may be passed on. The worker that wants it to be
// may be in a stranger's hands: what is no address at all, or of any other length than
// its network's, would end the connections, and the workers, that have to carry it.
func (m gossiper) passable(a p2p.NetAddr) bool {
	host := a.Endpoint().Host
	return host.Routable() && !m.bans.BannedOutbound(host, m.now()) && !m.bans.Discouraged(host)
}

// destinations chooses the peers that an address is passed on to. They are the same
// for a day, which begins at another hour for each address: told again and again, it
// does not spread any further, and who watches does not learn whom we are connected
// to.
func (m gossiper) destinations(a p2p.NetAddr, peers []roster.Peer) []roster.Peer {
	key := a.Key()
	begins := maphash.String(m.relaySeed, key) % relayDay
	day := (uint64(m.now().Unix()) + begins) / relayDay
	score := func(p roster.Peer) uint64 {
		return maphash.Comparable(m.relaySeed, struct {
			address string
			day     uint64
			peer    int64
		}{key, day, p.ID})
	}
	best := slices.SortedFunc(slices.Values(peers), func(x, y roster.Peer) int { return cmp.Compare(score(y), score(x)) })
	return best[:min(relayWidth, len(best))]
}

// getAddresses serves GetAddresses.
func (m gossiper) getAddresses(ctx context.Context, req p2p.GetAddressesRequest) (p2p.AddressesReply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.peerOf(ctx, req.Peer)
	if !ok {
		return p2p.AddressesReply{}, nil
	}
	if f := m.facts[req.Peer]; f != nil && f.permissions.Has(p2p.Addr) {
		return p2p.AddressesReply{Addresses: m.sampleAddresses()}, nil
	}
	cached := m.gossip[p.Local]
	if m.now().Sub(cached.made) > gossipCacheTime || m.now().Before(cached.made) {
		if len(m.gossip) > maxGossip {
			clear(m.gossip)
		}
		cached = gossipCache{made: m.now(), list: m.sampleAddresses()}
		m.gossip[p.Local] = cached
	}
	return p2p.AddressesReply{Addresses: cached.list}, nil
}

type gossipCache struct {
	made time.Time
	list []p2p.NetAddr
}

func (m gossiper) sampleAddresses() []p2p.NetAddr {
	var list []p2p.NetAddr
	for _, e := range m.book.Sample(m.random.Uint64, m.now(), maxGossip, gossipPercent) {
		if m.bans.BannedOutbound(e.Address.Host, m.now()) {
			continue
		}
		list = append(list, e.Address.NetAddr(e.Services, e.Seen.Unix()))
	}
	return list
}

// noteAttempt tells the book that an address is being tried.
func (m *manager) noteAttempt(target string) {
	if e := m.endpointOf(target); e.IsValid() {
		m.book.Attempted(e, m.now())
	}
}

// endpointOf is where a target leads that is an address, with or without a port.
func (m *manager) endpointOf(target string) p2p.Endpoint {
	text, port, ok := p2p.SplitHostPort(target, m.cfg.DefaultPort)
	host, literal := p2p.ParseHost(text)
	if !ok || !literal {
		return p2p.Endpoint{}
	}
	return p2p.Endpoint{Host: m.cfg.Networks.host(host), Port: port}
}

// proxyPause follows a dial that did not reach its proxy: the next would not, either,
// and a book has addresses enough for thousands in a minute.
const proxyPause = 5 * time.Second

// fillSlots chooses addresses for the automatic connections that are missing.
// The mutex is held.
func (m *manager) fillSlots() {
	if !m.cfg.Automatic {
		return
	}
	m.askSeedNodes(m.now())
	if time.Since(m.proxyFailed) < proxyPause {
		return
	}
	for _, kind := range []p2p.ConnectionType{p2p.FullRelay, p2p.BlockRelayOnly} {
		for range m.roster.Wanted(kind) {
			to, ok := m.choose(kind)
			if !ok {
				break
			}
			_, orders, _ := m.roster.Dial(to.Address.String(), kind, m.encrypts(to))
			m.dispatch(orders)
		}
	}
	if now := time.Now(); !m.reachOut(now) {
		m.feel(now)
	}
}

// feelerInterval is the mean pause between connections that only try an address.
const feelerInterval = 2 * time.Minute

// feel tries an address for the book's sake once all connections are there: one whose
// place among the tried another waits for, or a new one. The mutex is held.
func (m *manager) feel(now time.Time) {
	if now.Before(m.nextFeeler) || m.roster.Wanted(p2p.FullRelay) > 0 || m.roster.Wanted(p2p.Feeler) == 0 || m.roster.SpareOutbound() == 0 {
		return
	}
	pause := rand.New(m.random).ExpFloat64() * float64(feelerInterval)
	m.nextFeeler = now.Add(time.Duration(pause))
	e, ok := m.book.Contested(m.random.Uint64)
	if !ok || !m.allowed(e.Address.Host) {
		e, ok = m.book.Select(m.random.Uint64, m.now(), func(e addrbook.Entry) bool {
			return !e.Tried && m.now().Sub(e.LastTry) >= retryPause && m.eligible(e)
		})
	}
	if !ok {
		return
	}
	if slices.ContainsFunc(m.roster.Peers(), func(p roster.Peer) bool { return p.Remote == e.Address && p.Ready }) {
		m.book.Good(e.Address, e.Services, m.now()) // it works
		return
	}
	_, orders, _ := m.roster.Dial(e.Address.String(), p2p.Feeler, m.encrypts(e))
	m.dispatch(orders)
}

// encrypts reports whether a connection to an address is to be by v2 (BIP324): it is
// said to know it, as we do.
func (m *manager) encrypts(e addrbook.Entry) bool {
	return e.Services&m.cfg.Services&wire.SFNodeP2PV2 != 0
}

// choose returns an address for a connection, anchors first.
func (m *manager) choose(kind p2p.ConnectionType) (addrbook.Entry, bool) {
	if kind == p2p.BlockRelayOnly {
		if anchor, ok := m.nextAnchor(); ok {
			return anchor, true
		}
	}
	for _, pause := range []time.Duration{retryPause, hardPressedPause} {
		chosen, ok := m.book.Select(m.random.Uint64, m.now(), func(e addrbook.Entry) bool {
			return m.now().Sub(e.LastTry) >= pause && m.eligible(e)
		})
		if ok {
			return chosen, true
		}
	}
	return addrbook.Entry{}, false
}

const (
	// retryPause is how long after an attempt an address is not tried again, if there
	// are others; hardPressedPause, if there are none. A node that was cut off, and
	// has tried all that it knows, is not to be alone for longer than the cut lasted.
	retryPause       = 10 * time.Minute
	hardPressedPause = time.Minute
)

// allowed reports whether an automatic connection may go to a host at all.
func (m *manager) allowed(host p2p.Host) bool {
	return !m.isOwn(host) && m.cfg.Networks.reaches(host.Network()) && !m.bans.BannedOutbound(host, m.now()) && !m.bans.Discouraged(host)
}

// eligible allows one automatic connection a network group, those under way counted:
// else a dozen that begin at once could all go to one owner's. Where addresses cost
// nothing groups tell nothing.
func (m *manager) eligible(e addrbook.Entry) bool {
	const need = wire.SFNodeNetwork | wire.SFNodeWitness
	host := e.Address.Host
	if e.Services&need != need || !m.allowed(host) || m.roster.Configured(e.Address) {
		return false
	}
	if network := host.Network(); network != p2p.IPv4 && network != p2p.IPv6 {
		return true
	}
	group := m.asmap.Group(host)
	for _, p := range m.roster.Peers() {
		if p.Kind != p2p.Inbound && p.Kind != p2p.PrivateBroadcast && m.asmap.Group(p.Remote.Host) == group {
			return false
		}
	}
	return !slices.ContainsFunc(m.roster.Dials(), func(target string) bool {
		end := m.endpointOf(target)
		return end.IsValid() && m.asmap.Group(end.Host) == group
	})
}
