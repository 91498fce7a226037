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

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
)

const (
	// seedDelay gives known addresses a chance before seeds are asked, longSeedDelay
	// where there are manyAddresses.
	seedDelay, longSeedDelay = 11 * time.Second, 5 * time.Minute
	manyAddresses            = 1000
	// seedsAtOnce are asked before there is another delay: none is to be the only one
	// that we hear of the network.
	seedsAtOnce = 3
	// enoughPeers makes asking seeds unnecessary.
	enoughPeers = 2
	// networkPause is between two looks whether the network is switched on.
	networkPause = time.Second
)

// seed asks the DNS seeds for addresses, in random order, as long as there is need: all
// of them at once if no address is known.
func (m *manager) seed(ctx context.Context) error {
	if len(m.cfg.DNSSeeds) == 0 {
		m.env.Logger.Info("DNS seeding disabled")
		return nil
	}
	if m.awaitSeedNodes(ctx) {
		return nil
	}
	m.mu.Lock()
	_, byProxy := m.cfg.Networks.proxy(0)
	known, now := m.book.Len(), 0
	seeds := slices.Clone(m.cfg.DNSSeeds)
	rand.New(m.random).Shuffle(len(seeds), func(i, j int) { seeds[i], seeds[j] = seeds[j], seeds[i] })
	m.mu.Unlock()
	if known == 0 || m.cfg.ForceDNSSeed {
		now = len(seeds)
	}
	found := 0
	for _, host := range seeds {
		if now == 0 {
			now = seedsAtOnce
			if known > 0 && m.awaitPeers(ctx, known, found) {
				return nil
			}
		}
		now--
		if !m.awaitNetwork(ctx) {
			return nil
		}
		m.env.Logger.Info(fmt.Sprintf("Loading addresses from DNS seed %s", host))
		if byProxy {
			m.fetchFrom(host)
		} else {
			found += m.askSeed(ctx, host)
		}
	}
	m.env.Logger.Info(fmt.Sprintf("%d addresses found from DNS seeds", found))
	return nil
}

// awaitPeers gives known addresses their chance. It reports whether no seed need be
// asked, as there are peers now, or the manager ends.
func (m *manager) awaitPeers(ctx context.Context, known, found int) bool {
	delay := seedDelay
	if known >= manyAddresses {
		delay = longSeedDelay
	}
	m.env.Logger.Info(fmt.Sprintf("Waiting %d seconds before querying DNS seeds.", int(delay.Seconds())))
	for ; delay > 0; delay -= seedDelay {
		if !clock.Sleep(ctx, min(delay, seedDelay)) {
			return true
		}
		m.mu.Lock()
		enough := m.roster.Count(p2p.FullRelay) >= enoughPeers
		m.mu.Unlock()
		switch {
		case enough && found > 0:
			m.env.Logger.Info(fmt.Sprintf("%d addresses found from DNS seeds", found))
			m.env.Logger.Info("P2P peers available. Finished DNS seeding.")
			return true
		case enough:
			m.env.Logger.Info("P2P peers available. Skipped DNS seeding.")
			return true
		}
	}
	return false
}

// awaitNetwork waits until the network is switched on; false if ctx ends before.
func (m *manager) awaitNetwork(ctx context.Context) bool {
	active := func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.roster.Active()
	}
	if !active() {
		m.env.Logger.Info("Waiting for network to be reactivated before querying DNS seeds.")
	}
	for !active() {
		if !clock.Sleep(ctx, networkPause) {
			return false
		}
	}
	return ctx.Err() == nil
}

// fetchFrom has a worker ask a node behind the name of a seed for addresses: a proxy
// finds one, and who answers for the name here learns nothing of us.
func (m *manager) fetchFrom(host string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetch(net.JoinHostPort(host, strconv.Itoa(int(m.cfg.DefaultPort))))
}

// maxSeeded is how many addresses are taken of one seed.
const maxSeeded = 32

func (m *manager) askSeed(ctx context.Context, host string) (found int) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	// The C library's resolver reads and connects to what the sandbox keeps closed.
	resolver := net.Resolver{PreferGo: true}
	ips, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		m.net.Debug(fmt.Sprintf("DNS seed %s: %v", host, err))
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// All of a seed's addresses are from one source, however many it has.
	for _, ip := range ips[:min(len(ips), maxSeeded)] {
		// Seeds tell nothing about age: between three and seven days.
		age := 3*24*time.Hour + time.Duration(m.random.Uint64()%uint64(4*24*time.Hour))
		host := p2p.HostOf(ip)
		e := addrbook.Entry{Address: p2p.Endpoint{Host: host, Port: m.cfg.DefaultPort},
			Services: wire.SFNodeNetwork | wire.SFNodeWitness, Source: p2p.HostOf(ips[0]), Seen: m.now().Add(-age)}
		if m.book.Add(e, 0, m.random.Uint64, m.now()) {
			found++
		}
	}
	return found
}
