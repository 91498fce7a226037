package manager

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

const (
	// seedNodePause is how long there may be too few peers before the next node is
	// asked, seedNodePatience how long these are given before DNS seeds are.
	seedNodePause, seedNodePatience = 10 * time.Second, 30 * time.Second
)

// seedNodes are the nodes of -seednode that are still to be asked.
type seedNodes struct {
	left []string
	last time.Time // when one was asked, or the first look; zero before
}

// askSeedNodes asks one node for addresses, at once if none is known, and another after
// each pause in which there are too few peers. The mutex is held.
func (m *manager) askSeedNodes(now time.Time) {
	n := &m.seedNodes
	if n.last.IsZero() {
		n.last = now
		n.left = slices.Clone(m.cfg.SeedNodes)
		rand.New(m.random).Shuffle(len(n.left), func(i, j int) { n.left[i], n.left[j] = n.left[j], n.left[i] })
		if m.book.Len() == 0 && len(n.left) > 0 {
			m.env.Logger.Info(fmt.Sprintf("Empty addrman, adding seednode (%s) to addrfetch", n.left[0]))
			m.askSeedNode()
		}
		return
	}
	if len(n.left) > 0 && m.roster.Count(p2p.FullRelay) < enoughPeers && now.After(n.last.Add(seedNodePause)) {
		n.last = now
		m.env.Logger.Info(fmt.Sprintf("Couldn't connect to peers from addrman after %d seconds. Adding seednode (%s) to addrfetch",
			seedNodePause/time.Second, n.left[0]))
		m.askSeedNode()
	}
}

// askSeedNode asks the next one.
func (m *manager) askSeedNode() {
	name, port, _ := p2p.SplitHostPort(m.seedNodes.left[0], m.cfg.DefaultPort)
	m.seedNodes.left = m.seedNodes.left[1:]
	m.fetch(net.JoinHostPort(name, strconv.Itoa(int(port))))
}

// fetch has a worker ask a node for addresses. The mutex is held.
func (m *manager) fetch(target string) {
	if _, orders, ok := m.roster.Dial(target, p2p.AddrFetch, m.cfg.speaksV2()); ok {
		m.dispatch(orders)
		m.changed()
	}
}

// awaitSeedNodes gives the nodes of -seednode their chance. It reports whether there are
// peers enough then, or the manager ends.
func (m *manager) awaitSeedNodes(ctx context.Context) bool {
	if len(m.cfg.SeedNodes) == 0 {
		return false
	}
	m.env.Logger.Info(fmt.Sprintf("-seednode enabled. Trying the provided seeds for %d seconds before defaulting to the dnsseeds.", seedNodePatience/time.Second))
	for waited := time.Duration(0); waited < seedNodePatience; waited += networkPause {
		if !clock.Sleep(ctx, networkPause) {
			return true
		}
		m.mu.Lock()
		enough := m.roster.Count(p2p.FullRelay) >= enoughPeers
		m.mu.Unlock()
		if enough {
			m.env.Logger.Info("P2P peers available. Finished fetching data from seed nodes.")
			return true
		}
	}
	m.env.Logger.Info("Couldn't connect to enough peers via seed nodes. Handing fetch logic to the DNS seeds.")
	return false
}
