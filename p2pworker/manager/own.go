package manager

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// Own is what is known at start of where peers may find us.
type Own struct {
	Addresses []OwnAddress
	// Listening: they are told to peers.
	Listening bool
	// Port is the one that we listen at, for addresses that peers tell us.
	Port uint16
	// Discover: what peers tell us of our address counts (-discover).
	Discover bool
}

// OwnAddress is one of them, with a score by how it was found.
type OwnAddress struct {
	Host  string
	Port  uint16
	Score int
}

// The scores of Bitcoin Core (LOCAL_IF, LOCAL_BIND, LOCAL_MANUAL), to which one is added
// for each peer that confirms the address.
const (
	ByInterface = 1
	ByBinding   = 2
	ByUser      = 4
)

type ownEndpoint struct {
	p2p.Endpoint
	score int
}

// ownEndpoints are the addresses that may be told: those that the user named, whatever
// network they are of, and the others if they can be reached at all.
func (c Config) ownEndpoints() (list []ownEndpoint) {
	for _, a := range c.Own.Addresses {
		host, ok := p2p.ParseHost(a.Host)
		host = c.Networks.host(host)
		if ok && host.Routable() && (a.Score >= ByUser || c.Networks.reaches(host.Network())) {
			list = append(list, ownEndpoint{p2p.Endpoint{Host: host, Port: a.Port}, a.Score})
		}
	}
	return list
}

// addOwn adds an address. The mutex is held, as for the other functions here.
func (m *manager) addOwn(end p2p.Endpoint, score int) {
	m.removeOwn(end.Host)
	m.own = append(m.own, ownEndpoint{end, score})
}

func (m *manager) removeOwn(host p2p.Host) {
	m.own = slices.DeleteFunc(m.own, func(o ownEndpoint) bool { return o.Host == host })
}

// isOwn reports whether a host is this node.
func (m *manager) isOwn(host p2p.Host) bool {
	return slices.ContainsFunc(m.own, func(o ownEndpoint) bool { return o.Host == host })
}

// noteSeen keeps as what a peer sees us. That one which connected sees one of our
// addresses speaks for it.
func (m *manager) noteSeen(p roster.Peer, f *facts, text string) {
	f.sees = m.cfg.Networks.endpoint(text)
	if p.Kind != p2p.Inbound || !f.sees.Host.Routable() {
		return
	}
	for i := range m.own {
		if m.own[i].Host == f.sees.Host && m.own[i].score < math.MaxInt32 {
			m.own[i].score++
		}
	}
}

// selfAddress serves SelfAddress.
func (m *manager) selfAddress(ctx context.Context, req p2p.SelfAddressRequest) (reply p2p.SelfAddressReply, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.peerOf(ctx, req.Peer)
	f := m.facts[req.Peer]
	if !ok || f == nil || !m.cfg.Own.Listening {
		return reply, nil
	}
	if end := m.tellable(p, f); end.IsValid() {
		m.net.Debug(fmt.Sprintf("Advertising address %s to peer=%d", end, p.ID))
		reply.Addresses = []p2p.NetAddr{end.NetAddr(0, 0)}
	}
	return reply, nil
}

// tellable is the address of ours that a peer is told. Sometimes it is the one that the
// peer itself has told, which may know better.
func (m *manager) tellable(p roster.Peer, f *facts) p2p.Endpoint {
	best := m.bestOwn(p)
	if !m.credible(p, f) {
		return best.Endpoint
	}
	chance := uint64(2)
	if best.score > ByUser {
		chance = 8
	}
	switch {
	case best.IsValid() && m.random.Uint64()%chance != 0:
		return best.Endpoint
	case p.Kind == p2p.Inbound:
		return f.sees
	case best.IsValid(): // whom we connected to does not see where we listen
		return p2p.Endpoint{Host: f.sees.Host, Port: best.Port}
	}
	return p2p.Endpoint{Host: f.sees.Host, Port: m.cfg.Own.Port}
}

// credible reports whether what a peer sees us as may be our address.
func (m *manager) credible(p roster.Peer, f *facts) bool {
	return m.cfg.Own.Discover && p.Remote.Host.Routable() && f.sees.Host.Routable() && m.cfg.Networks.reaches(f.sees.Host.Network())
}

// bestOwn chooses of our addresses the one that a peer reaches best, by score if there
// are several. What we are on Tor or I2P those elsewhere shall not know, nor those
// there what we are elsewhere.
func (m *manager) bestOwn(p roster.Peer) (best ownEndpoint) {
	most := -1
	for _, o := range m.own {
		network := o.Host.Network()
		if network != p.Network && (secret(network) || secret(p.Network)) {
			continue
		}
		if reach := reachOf(network, p.Network); reach > most || reach == most && o.score > best.score {
			best, most = o, reach
		}
	}
	return best
}

func secret(network p2p.NetworkID) bool { return network == p2p.TorV3 || network == p2p.I2P }

// reachOf ranks how well a peer on one network, 0 if it is not known, reaches an address
// of another (Bitcoin Core's GetReachabilityFrom).
func reachOf(own, peer p2p.NetworkID) int {
	switch {
	case own == peer && own != p2p.IPv4:
		return 3
	case own == p2p.IPv4:
		return 2
	case own == p2p.IPv6 && peer == 0:
		return 1
	}
	return 0
}
