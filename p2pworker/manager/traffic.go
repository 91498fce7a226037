package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
	"github.com/bulkheadnode/bulkhead/p2pworker/throttle"
)

// traffic is the limits of rates.
type traffic struct {
	ledger *throttle.Ledger
	// epoch numbers changes, from the time on: workers outlive a manager. Where that does
	// not do, as the clock was set back, see facts.
	epoch uint64
}

func newTraffic(cfg Config) traffic {
	t := traffic{ledger: throttle.New(), epoch: uint64(time.Now().UnixMicro())}
	now := time.Now()
	t.ledger.SetTotal(now, cfg.Rates)
	for _, p := range cfg.Profiles {
		t.ledger.SetProfile(now, p.Name, p.Rates)
	}
	return t
}

// count begins to count the traffic of a connection. The mutex is held.
func (m *manager) count(id int64, profile Profile) {
	m.ledger.Open(id, profile.Name, profile.Exempt)
}

// meter says how a connection is limited. The mutex is held.
func (m *manager) meter(id int64) p2p.Meter {
	meter := m.ledger.Meter(id)
	meter.Epoch = m.epoch
	if f := m.facts[id]; f != nil {
		meter.Epoch += f.epochs
	}
	return meter
}

// leaseTraffic serves LeaseTraffic. Rates follow real time: a frozen clock must not
// stop them.
func (m *manager) leaseTraffic(ctx context.Context, req p2p.LeaseTrafficRequest) (p2p.LeaseTrafficReply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, own := m.peerOf(ctx, req.Peer); !own {
		return p2p.LeaseTrafficReply{}, bus.Errorf(bus.KindBadMessage, "peer=%d is not of this worker", req.Peer)
	}
	return m.ledger.Lease(time.Now(), req), nil
}

// orderMeters tells workers how their connections are limited from now on. The mutex
// is held.
func (m *manager) orderMeters(which func(roster.Peer) bool) {
	m.epoch++
	for _, p := range m.roster.Peers() {
		if which(p) {
			m.order(p.Worker, p2p.WorkerOrder{Meter: &p2p.MeterOrder{Peer: p.ID, Meter: m.meter(p.ID)}})
		}
	}
}

func everyone(roster.Peer) bool { return true }

const setThrottleSummary = "Limits the traffic with peers, at once.\n" +
	"Rates are in bytes per second; 0 lifts a limit. What is set holds until the node stops, for a peer until its connection ends; -maxdownloadrate and -maxuploadrate hold for good.\n" +
	"Blocks and headers at the tip do not wait, up to about a minute's bytes: what they take is made up for by what follows."

func (m commands) throttleCommands() rpc.Table {
	return rpc.Table{
		{Name: "setthrottle", Returns: throttleInfo{}, Category: "Network", Summary: setThrottleSummary,
			Params: []rpc.Param{
				{Name: "scope", Type: rpc.String, Help: "What to limit: \"total\", a class of messages (\"blocks\", \"transactions\", \"addresses\" or \"handshakes\"), \"peer\" or \"profile:NAME\" (see -listenprofile)"},
				{Name: "download", Type: rpc.Number, Optional: true, Default: "unchanged", Help: "Bytes per second that may be received"},
				{Name: "upload", Type: rpc.Number, Optional: true, Default: "unchanged", Help: "Bytes per second that may be sent"},
				{Name: "nodeid", Type: rpc.Number, Optional: true, Default: "none", Help: "The peer, for the scope \"peer\" (see getpeerinfo for node IDs)"},
			},
			Run: m.sets(m.setThrottle)},
		{Name: "getthrottle", Returns: throttleInfo{}, Category: "Network",
			Summary: "Returns the limits of the traffic with peers, in bytes per second; 0 is none.",
			Result:  "{...}    (json object) \"total\", \"classes\", \"profiles\" and \"peers\", each with \"download\" and \"upload\"",
			Run: func(context.Context, *rpc.Call) (any, error) {
				m.mu.Lock()
				defer m.mu.Unlock()
				return m.throttles(), nil
			}},
	}
}

type rateInfo struct {
	Download int64 `json:"download"`
	Upload   int64 `json:"upload"`
}

func rateInfoOf(r p2p.Rates) rateInfo { return rateInfo{r[p2p.Down], r[p2p.Up]} }

type peerRates struct {
	ID int64 `json:"id"`
	rateInfo
}

type throttleInfo struct {
	Total    rateInfo            `json:"total"`
	Classes  map[string]rateInfo `json:"classes"`
	Profiles map[string]rateInfo `json:"profiles"`
	Peers    []peerRates         `json:"peers"`
}

// throttles lists all limits; of peers those that have one. The mutex is held.
func (m commands) throttles() throttleInfo {
	info := throttleInfo{Total: rateInfoOf(m.ledger.Total()), Classes: map[string]rateInfo{}, Profiles: map[string]rateInfo{}, Peers: []peerRates{}}
	for c := range p2p.TrafficClass(p2p.TrafficClasses) {
		if c.Name() != "" {
			info.Classes[c.Name()] = rateInfoOf(m.ledger.Class(c))
		}
	}
	for _, p := range m.cfg.Profiles {
		info.Profiles[p.Name] = rateInfoOf(m.ledger.Profile(p.Name))
	}
	for _, p := range m.roster.Peers() {
		if own := m.ledger.Peer(p.ID); own != (p2p.Rates{}) {
			info.Peers = append(info.Peers, peerRates{p.ID, rateInfoOf(own)})
		}
	}
	return info
}

// maxRate is the highest rate that can be set, in bytes a second.
const maxRate = 1 << 40

func (m commands) setThrottle(_ context.Context, call *rpc.Call) (any, error) {
	scope, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	id, err := call.Int64(3, -1)
	if err != nil {
		return nil, err
	}
	if call.Has(3) != (scope == scopePeer) {
		return nil, rpc.Errorf(invalidParams, "nodeid goes with the scope \"peer\", and only with it.")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	limited, err := m.limitOf(scope, id)
	if err != nil {
		return nil, err
	}
	rates := limited.rates
	for i, d := range []p2p.Direction{p2p.Down, p2p.Up} {
		if rates[d], err = call.Int64(1+i, rates[d]); err != nil {
			return nil, err
		}
		if rates[d] < 0 || rates[d] > maxRate {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Error: A rate is between 0 and %d bytes per second", int64(maxRate))
		}
	}
	limited.set(rates)
	m.orderMeters(limited.concerns)
	m.env.Logger.Info(fmt.Sprintf("Throttle of %s: download=%d upload=%d bytes per second", scope, rates[p2p.Down], rates[p2p.Up]))
	return m.throttles(), nil
}

// scopePeer is the scope of one connection, profileScope begins that of a profile.
const (
	scopeTotal   = "total"
	scopePeer    = "peer"
	profileScope = "profile:"
)
