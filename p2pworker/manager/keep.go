package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// kept is what commands have set and what holds until the node stops: a manager that is
// started again has it among its settings. Who has switched off networking must not find
// it on because a process was killed.
type kept struct {
	Active   bool                  `json:"active"`
	Limits   map[roster.Pooled]int `json:"limits"`
	Total    p2p.Rates             `json:"total"`
	Classes  map[string]p2p.Rates  `json:"classes"`
	Profiles map[string]p2p.Rates  `json:"profiles"`
	Targets  []roster.Target       `json:"targets"`
}

// keeper is the handing over of what is set, one at a time.
type keeper struct {
	keeping sync.Mutex
	unkept  atomic.Bool // the last one failed
}

// inForce is what is set now. The mutex is held.
func (m *manager) inForce() kept {
	k := kept{Active: m.roster.Active(), Limits: m.roster.Limits(), Total: m.ledger.Total(), Targets: m.roster.Configuration(),
		Classes: map[string]p2p.Rates{}, Profiles: map[string]p2p.Rates{}}
	for c := range p2p.TrafficClass(p2p.TrafficClasses) {
		if c.Name() != "" {
			k.Classes[c.Name()] = m.ledger.Class(c)
		}
	}
	for _, p := range m.cfg.Profiles {
		k.Profiles[p.Name] = m.ledger.Profile(p.Name)
	}
	return k
}

// restore sets what an earlier manager had kept. That may have been in a stranger's
// hands: it can set what a user can, and no more. What cannot be read switches networking
// off, as it may have been.
func (m *manager) restore(raw []byte) {
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		m.env.Logger.Error(fmt.Sprintf("What an earlier manager kept cannot be read: networking is off (setnetworkactive): %v", err))
		m.roster.SetActive(false)
		return
	}
	m.roster.SetActive(k.Active)
	for which, n := range k.Limits {
		if n >= 0 && n <= maxConnLimit {
			m.roster.SetLimit(which, n)
		}
	}
	now := time.Now()
	if allowedRates(k.Total) {
		m.ledger.SetTotal(now, k.Total)
	}
	for name, rates := range k.Classes {
		if class, ok := p2p.ParseTrafficClass(name); ok && allowedRates(rates) {
			m.ledger.SetClass(now, class, rates)
		}
	}
	for _, p := range m.cfg.Profiles {
		if rates, ok := k.Profiles[p.Name]; ok && allowedRates(rates) {
			m.ledger.SetProfile(now, p.Name, rates)
		}
	}
	m.roster.Configure(k.Targets)
}

// allowedRates reports whether setthrottle would take some rates.
func allowedRates(r p2p.Rates) bool {
	return min(r[p2p.Down], r[p2p.Up]) >= 0 && max(r[p2p.Down], r[p2p.Up]) <= maxRate
}

// keep hands to the supervisor what is set, for the manager after this one.
func (m *manager) keep(ctx context.Context) error {
	m.keeping.Lock()
	defer m.keeping.Unlock()
	m.mu.Lock()
	raw, err := json.Marshal(m.inForce())
	conn := m.conn
	m.mu.Unlock()
	if err == nil && conn == nil {
		err = errStarting
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, loadPatience)
		defer cancel()
		_, err = msg.KeepPeers.Call(ctx, conn, msg.KeptBody{Data: raw})
	}
	m.unkept.Store(err != nil)
	return err
}

// keepAgain does so if it has failed before.
func (m *manager) keepAgain(ctx context.Context) {
	if m.unkept.Load() {
		_ = m.keep(ctx) // the command has told
	}
}

// sets makes a command keep what it has set.
func (m commands) sets(run func(context.Context, *rpc.Call) (any, error)) func(context.Context, *rpc.Call) (any, error) {
	return func(ctx context.Context, call *rpc.Call) (any, error) {
		result, err := run(ctx, call)
		if err != nil {
			return nil, err
		}
		if err := m.keep(context.WithoutCancel(ctx)); err != nil {
			m.env.Logger.Warn(fmt.Sprintf("What was set may be lost when this process ends: %v", err))
		}
		return result, nil
	}
}
