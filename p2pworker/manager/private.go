package manager

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

const (
	// wantPause follows a question that the node did not answer.
	wantPause = time.Second
	// privateAtOnce is how many are begun at a time: should all fail at once, they are not
	// to take up the proxy, or the machine.
	privateAtOnce = 8
	// maxWanted bounds what the node is believed.
	maxWanted = 1 << 30
)

// private is the making of connections that send one transaction of our user's each
// (-privatebroadcast).
type private struct {
	// wanted is how many are missing, as the node last told.
	wanted int
	// torWorks: a peer of Tor has answered, so that what is said to be a proxy of Tor's is
	// one, and may be asked for hosts elsewhere without telling them who we are.
	torWorks bool
	// failed is when the proxy of a network was last found to be away.
	failed map[p2p.NetworkID]time.Time
}

// keepPrivate asks the node how many such connections it wants.
func (m *manager) keepPrivate(ctx context.Context) error {
	if !m.cfg.PrivateBroadcast {
		return nil
	}
	if proxy, ok := m.onionProxy(); ok && !proxy.Randomize {
		m.env.Logger.Warn("-privatebroadcast without -proxyrandomize: Tor may take one way for these connections and others, by which they can be told to be of one node")
	}
	known := -1
	for ctx.Err() == nil {
		reply, err := m.wantPrivate(ctx, known)
		if err != nil {
			known = -1
			m.mu.Lock()
			m.private.wanted = 0 // nobody would say what to send
			m.mu.Unlock()
			if !clock.Sleep(ctx, wantPause) {
				break
			}
			continue
		}
		known = reply.Wanted
		m.mu.Lock()
		m.private.wanted = min(max(reply.Wanted, 0), maxWanted)
		m.openPrivate()
		m.mu.Unlock()
		m.changed()
	}
	return context.Cause(ctx)
}

func (m *manager) onionProxy() (p2p.Proxy, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cfg.Networks.proxy(p2p.TorV3)
}

func (m *manager) wantPrivate(ctx context.Context, known int) (msg.WantPrivateReply, error) {
	ctx, cancel := context.WithTimeout(ctx, nodePatience+msg.PrivateSeconds*time.Second)
	defer cancel()
	m.mu.Lock()
	conn, reachable := m.conn, m.cfg.Networks.reaches(p2p.TorV3) || m.cfg.Networks.reaches(p2p.I2P)
	m.mu.Unlock()
	return msg.WantPrivate.Call(ctx, conn, msg.WantPrivateRequest{Known: known, Reachable: reachable})
}

// openPrivate makes the connections that are missing. The mutex is held.
func (m *manager) openPrivate() {
	if !m.cfg.PrivateBroadcast {
		return
	}
	for range min(m.roster.MissingPrivate(m.private.wanted), privateAtOnce) {
		to, ok := m.choosePrivate()
		if !ok {
			return
		}
		_, orders, _ := m.roster.Dial(to.Address.String(), p2p.PrivateBroadcast, m.encrypts(to))
		m.dispatch(orders)
	}
}

// choosePrivate returns an address, of each network with the same chance: who watches one
// of them is to see no more than a part. It need not offer anything, nor be of another
// group than other peers: it is told nothing but a transaction. The mutex is held.
func (m *manager) choosePrivate() (addrbook.Entry, bool) {
	networks := m.privateNetworks()
	rand.New(m.random).Shuffle(len(networks), func(i, j int) { networks[i], networks[j] = networks[j], networks[i] })
	busy := map[p2p.Endpoint]bool{}
	for _, p := range m.roster.Peers() {
		busy[p.Remote] = true
	}
	for _, target := range m.roster.Dials() {
		busy[m.endpointOf(target)] = true
	}
	for _, network := range networks {
		chosen, ok := m.book.Select(m.random.Uint64, m.now(), func(e addrbook.Entry) bool {
			return e.Address.Host.Network() == network && !busy[e.Address] && m.allowed(e.Address.Host)
		})
		if ok {
			return chosen, true
		}
	}
	return addrbook.Entry{}, false
}

// privateNetworks lists those by which a peer does not learn who we are, but not those
// whose proxy has just failed. The mutex is held.
func (m *manager) privateNetworks() []p2p.NetworkID {
	return slices.DeleteFunc(p2p.Networks(), func(n p2p.NetworkID) bool {
		_, ok := m.privateProxy(n)
		return !ok || !m.cfg.Networks.reaches(n) || time.Since(m.private.failed[n]) < proxyPause
	})
}

// privateProxy returns the proxy by which a network is reached without a trace: its own
// for Tor and I2P, that of Tor for IPv4 and IPv6. There is none for other networks.
// The mutex is held.
func (m *manager) privateProxy(network p2p.NetworkID) (p2p.Proxy, bool) {
	switch network {
	case p2p.TorV3, p2p.I2P:
		return m.cfg.Networks.proxy(network)
	case p2p.IPv4, p2p.IPv6:
		if m.private.torWorks && m.cfg.Networks.reaches(p2p.TorV3) {
			return m.cfg.Networks.proxy(p2p.TorV3)
		}
	}
	return p2p.Proxy{}, false
}

// wayTo returns the proxies for a dial. One that is private without a proxy the worker
// refuses. The mutex is held.
func (m *manager) wayTo(d p2p.DialOrder) []p2p.Proxy {
	if d.Kind != p2p.PrivateBroadcast {
		return m.cfg.Networks.route(d.Target)
	}
	if proxy, ok := m.privateProxy(m.endpointOf(d.Target).Host.Network()); ok {
		return []p2p.Proxy{proxy}
	}
	return nil
}

// noteProxy notes that the proxy for a dial is away. A private one, which may be to a
// network that nothing else is tried of, keeps no others waiting. The mutex is held.
func (m *manager) noteProxy(target string, kind p2p.ConnectionType) {
	if kind == p2p.PrivateBroadcast {
		m.private.failed[m.endpointOf(target).Host.Network()] = time.Now()
	} else {
		m.proxyFailed = time.Now()
	}
	m.book.Forgive(m.endpointOf(target))
}

// noteTor notes that a peer of Tor that we connected to has answered. Where that was to
// the manager has said, not the worker. The mutex is held.
func (m *manager) noteTor(p roster.Peer) {
	if p.Kind != p2p.Inbound && m.endpointOf(p.Name).Host.Network() == p2p.TorV3 {
		m.private.torWorks = true
	}
}
