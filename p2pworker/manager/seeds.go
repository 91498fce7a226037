package manager

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
)

const (
	// seedDelay gives known addresses a chance before seeds are asked.
	seedDelay = 11 * time.Second
	// enoughPeers makes asking seeds unnecessary.
	enoughPeers = 2
)

// seed asks the DNS seeds for addresses if there is need, once.
func (m *manager) seed(ctx context.Context) error {
	if !m.cfg.Automatic || len(m.cfg.DNSSeeds) == 0 {
		return nil
	}
	m.mu.Lock()
	known := m.book.Len()
	m.mu.Unlock()
	if known > 0 {
		m.env.Logger.Info(fmt.Sprintf("Waiting %d seconds before querying DNS seeds.", int(seedDelay.Seconds())))
		timer := time.NewTimer(seedDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		m.mu.Lock()
		enough := m.roster.Count(p2p.FullRelay) >= enoughPeers
		m.mu.Unlock()
		if enough {
			m.env.Logger.Info("P2P peers available. Skipped DNS seeding.")
			return nil
		}
	}
	found := 0
	m.mu.Lock()
	_, byProxy := m.cfg.Networks.proxy(0)
	m.mu.Unlock()
	for _, host := range m.cfg.DNSSeeds {
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

// fetchFrom has a worker ask a node behind the name of a seed for addresses: a proxy
// finds one, and who answers for the name here learns nothing of us.
func (m *manager) fetchFrom(host string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	target := net.JoinHostPort(host, strconv.Itoa(int(m.cfg.DefaultPort)))
	if _, orders, ok := m.roster.Dial(target, p2p.AddrFetch); ok {
		m.dispatch(orders)
		m.changed()
	}
}

func (m *manager) askSeed(ctx context.Context, host string) (found int) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		m.net.Debug(fmt.Sprintf("DNS seed %s: %v", host, err))
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ip := range ips {
		// Seeds tell nothing about age: between three and seven days.
		age := 3*24*time.Hour + time.Duration(m.random.Uint64()%uint64(4*24*time.Hour))
		host := p2p.HostOf(ip)
		e := addrbook.Entry{Address: p2p.Endpoint{Host: host, Port: m.cfg.DefaultPort},
			Services: wire.SFNodeNetwork | wire.SFNodeWitness, Source: host, Seen: m.now().Add(-age)}
		if m.book.Add(e, 0, m.random.Uint64, m.now()) {
			found++
		}
	}
	return found
}
