package manager

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// Times of Bitcoin Core (net.h, net_processing.cpp).
const (
	// lookInterval is between two looks at what there is too much or too little of.
	lookInterval = 45 * time.Second
	// staleInterval is between two looks whether the tip is old, which it is after
	// staleAge, three blocks' time.
	staleInterval = 10 * time.Minute
	staleAge      = 30 * time.Minute
	// currentAge is how old the last block may be for the first download to be over.
	currentAge = 200 * time.Minute
	// extraInterval is the mean pause between connections that are one too many, to hear
	// what a stranger knows; networkInterval that between those to a network of which
	// there is no peer.
	extraInterval, networkInterval = 5 * time.Minute, 5 * time.Minute
)

// lookout sees to it that others of the network are heard than those who are connected:
// who surrounds us with peers has to do so again every few minutes.
type lookout struct {
	tip      chainhash.Hash
	changed  time.Time // when the tip was last seen to change, zero for never
	nextLook time.Time // whether the tip is old
	// stale: one more full-relay peer may be connected.
	stale bool
	// current: the tip has been recent once, and block-relay-only peers are exchanged.
	current bool
	// When the next connections beyond the limits are due, by real time.
	nextExtra, nextNetwork time.Time
}

// keepLooking looks as long as ctx lasts.
func (m *manager) keepLooking(ctx context.Context) error {
	if !m.cfg.Automatic {
		return nil
	}
	for clock.Sleep(ctx, lookInterval) {
		m.look(ctx)
	}
	return context.Cause(ctx)
}

// look drops connections that are one too many, and looks for signs that peers keep
// blocks from us.
func (m *manager) look(ctx context.Context) {
	tip, err := m.askTip(ctx)
	if err == nil {
		m.noteTip(tip)
	}
	m.freshen(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropExtra()
	if now := m.now(); now.After(m.nextLook) || m.nextLook.After(now.Add(staleInterval)) {
		m.nextLook = now.Add(staleInterval)
		m.lookForStaleTip(now)
	}
}

func (m *manager) askTip(ctx context.Context) (p2p.Tip, error) {
	ctx, cancel := context.WithTimeout(ctx, nodePatience)
	defer cancel()
	conn, err := m.link()
	if err != nil {
		return p2p.Tip{}, err
	}
	return msg.GetTip.Call(ctx, conn, bus.None{})
}

func (m *manager) noteTip(tip p2p.Tip) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if tip.Hash != m.tip {
		m.tip, m.lookout.changed = tip.Hash, now
	}
	m.current = m.current || now.Sub(time.Unix(tip.Time, 0)) < currentAge
}

// lookForStaleTip allows one more full-relay connection if no block has come for long
// and none is on its way. The mutex is held.
func (m *manager) lookForStaleTip(now time.Time) {
	age := now.Sub(m.lookout.changed)
	for _, p := range m.roster.Peers() {
		if p.Downloading {
			age = 0
		}
	}
	m.stale = m.roster.Active() && !m.lookout.changed.IsZero() && age > staleAge
	if m.stale {
		m.env.Logger.Info(fmt.Sprintf("Potential stale tip detected, will try using extra outbound peer (last tip update: %d seconds ago)", age/time.Second))
	}
}

// dropExtra ends the connections that are one too many. The mutex is held.
func (m *manager) dropExtra() {
	now := m.now()
	if p, ok := m.roster.ExtraBlockRelay(); ok {
		if orders, gone := m.roster.DismissExtra(now, p.ID); gone {
			m.net.Debug(fmt.Sprintf("disconnecting extra block-relay-only peer=%d (last block received at time %d)", p.ID, p.LastBlock))
			m.dispatch(orders)
		} else {
			m.net.Debug(fmt.Sprintf("keeping block-relay-only peer=%d chosen for eviction (connect time: %d, blocks in flight: %t)", p.ID, p.Opened.Unix(), p.Downloading))
		}
	}
	if p, ok := m.roster.ExtraFullRelay(); ok {
		if orders, gone := m.roster.DismissExtra(now, p.ID); gone {
			m.net.Debug(fmt.Sprintf("disconnecting extra outbound peer=%d (last block announcement received at time %d)", p.ID, p.LastNews))
			m.dispatch(orders)
			m.stale = false // one has been heard
		} else {
			m.net.Debug(fmt.Sprintf("keeping outbound peer=%d chosen for eviction (connect time: %d, blocks in flight: %t)", p.ID, p.Opened.Unix(), p.Downloading))
		}
	}
}

// reachOut makes a connection beyond the limits, one at a time, if one is due and there
// are all within them. It reports whether that was tried. The mutex is held.
func (m *manager) reachOut(now time.Time) bool {
	if m.roster.Wanted(p2p.FullRelay) > 0 || m.roster.Wanted(p2p.BlockRelayOnly) > 0 || m.roster.SpareOutbound() == 0 {
		return false
	}
	switch {
	case m.stale:
		m.connectTo(p2p.FullRelay, m.eligible)
	case m.current && m.comes(&m.nextExtra, now, extraInterval):
		m.connectTo(p2p.BlockRelayOnly, m.eligible)
	case m.roster.Limit(p2p.FullRelay) == roster.DefaultLimits().FullRelay && m.comes(&m.nextNetwork, now, networkInterval):
		return m.reachLonely()
	default:
		return false
	}
	return true
}

// reachLonely connects to a network over which there is no peer. The mutex is held.
func (m *manager) reachLonely() bool {
	network, ok := m.lonelyNetwork()
	if ok {
		m.connectTo(p2p.FullRelay, func(e addrbook.Entry) bool { return e.Address.Host.Network() == network && m.eligible(e) })
	}
	return ok
}

// comes reports whether a time has come, and sets the next one at random. The first one
// is only set.
func (m *manager) comes(at *time.Time, now time.Time, mean time.Duration) bool {
	if !at.IsZero() && now.Before(*at) {
		return false
	}
	first := at.IsZero()
	*at = now.Add(time.Duration(rand.New(m.random).ExpFloat64() * float64(mean)))
	return !first
}

// connectTo dials an address for which ok is true, if there is one.
func (m *manager) connectTo(kind p2p.ConnectionType, ok func(addrbook.Entry) bool) {
	if to, found := m.book.Select(m.random.Uint64, m.now(), ok); found {
		_, orders, _ := m.roster.Dial(to.Address.String(), kind, m.encrypts(to))
		m.dispatch(orders)
	}
}

// lonelyNetwork chooses a network over which we have no peer though we know addresses.
func (m *manager) lonelyNetwork() (p2p.NetworkID, bool) {
	known := map[p2p.NetworkID]bool{}
	for e := range m.book.All() {
		known[e.Address.Host.Network()] = true
	}
	networks := slices.DeleteFunc(p2p.Networks(), func(n p2p.NetworkID) bool {
		return !m.cfg.Networks.reaches(n) || !known[n] || m.roster.OverNetwork(n) > 0
	})
	if len(networks) == 0 {
		return 0, false
	}
	return networks[m.random.Uint64()%uint64(len(networks))], true
}
