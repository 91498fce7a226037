package manager

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

type networkInfo struct {
	Version            int            `json:"version"`
	Subversion         string         `json:"subversion"`
	ProtocolVersion    int            `json:"protocolversion"`
	LocalServices      string         `json:"localservices"`
	LocalServicesNames []string       `json:"localservicesnames"`
	LocalRelay         bool           `json:"localrelay"`
	TimeOffset         int64          `json:"timeoffset"`
	TxSendRate         int            `json:"tx_send_rate"`
	InvBuckets         invBuckets     `json:"inv_buckets"`
	NetworkActive      bool           `json:"networkactive"`
	Connections        int            `json:"connections"`
	ConnectionsIn      int            `json:"connections_in"`
	ConnectionsOut     int            `json:"connections_out"`
	Networks           []networkReach `json:"networks"`
	RelayFee           rpc.Amount     `json:"relayfee"`
	IncrementalFee     rpc.Amount     `json:"incrementalfee"`
	LocalAddresses     []localAddress `json:"localaddresses"`
	Warnings           any            `json:"warnings"`
}

type invBuckets struct {
	Inbound  msg.TxRateState `json:"inbound"`
	Outbound msg.TxRateState `json:"outbound"`
}

type networkReach struct {
	Name           string `json:"name"`
	Limited        bool   `json:"limited"`
	Reachable      bool   `json:"reachable"`
	Proxy          string `json:"proxy"`
	RandomizeCreds bool   `json:"proxy_randomize_credentials"`
}

type localAddress struct {
	Address string `json:"address"`
	Port    uint16 `json:"port"`
	Score   int    `json:"score"`
}

func (m commands) getNetworkInfo(ctx context.Context, _ *rpc.Call) (any, error) {
	services, rates, warnings := m.services(ctx), m.txRates(ctx), m.warnings(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	peers := m.roster.Peers()
	in := m.roster.Count(p2p.Inbound)
	info := networkInfo{
		Version: m.cfg.ClientVersion, Subversion: m.cfg.UserAgent, ProtocolVersion: session.ProtocolVersion,
		LocalServices:      fmt.Sprintf("%016x", uint64(services)),
		LocalServicesNames: serviceNames(uint64(services)), LocalRelay: !m.cfg.BlocksOnly,
		TimeOffset: m.medianTimeOffset(peers), NetworkActive: m.roster.Active(),
		Connections: len(peers), ConnectionsIn: in, ConnectionsOut: len(peers) - in,
		TxSendRate: rates.PerSecond, InvBuckets: invBuckets{rates.Inbound, rates.Outbound},
		RelayFee: rpc.Amount(m.cfg.MinRelayFeeRate), IncrementalFee: rpc.Amount(m.cfg.IncrementalRate),
		LocalAddresses: []localAddress{}, Warnings: rpc.Warnings(warnings, slices.Contains(m.cfg.Deprecated, "warnings")),
	}
	for _, network := range p2p.Networks() {
		reachable := m.cfg.Networks.reaches(network)
		proxy, _ := m.cfg.Networks.proxy(network)
		info.Networks = append(info.Networks, networkReach{network.Name(), !reachable, reachable, proxy.Address, proxy.Randomize})
	}
	for _, a := range m.own {
		info.LocalAddresses = append(info.LocalAddresses, localAddress{a.Host.String(), a.Port, a.score})
	}
	return info, nil
}

// nodePatience is how long the node may take to tell what it can serve.
const nodePatience = 2 * time.Second

// services are what we offer: recent blocks only while the node lacks old ones.
func (m commands) services(ctx context.Context) wire.ServiceFlag {
	tip, err := m.askTip(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.partial = tip.Partial
	}
	if m.partial {
		return m.cfg.Services&^wire.SFNodeNetwork | wire.SFNodeNetworkLimited
	}
	return m.cfg.Services
}

// txRates tells how fast transactions are announced; all zero while the node is
// away.
func (m commands) txRates(ctx context.Context) msg.TxRates { return askNode(ctx, m, msg.GetTxRates) }

func (m commands) warnings(ctx context.Context) []string {
	return askNode(ctx, m, msg.GetWarnings).Texts
}

// askNode returns the node's answer, or nothing if there is none in time.
func askNode[Reply any](ctx context.Context, m commands, method bus.Method[bus.None, Reply]) (reply Reply) {
	ctx, cancel := context.WithTimeout(ctx, nodePatience)
	defer cancel()
	conn, err := m.link()
	if err != nil {
		return reply
	}
	reply, _ = method.Call(ctx, conn, bus.None{})
	return reply
}

// medianTimeOffset is over outbound peers, which others cannot choose for us.
func (m commands) medianTimeOffset(peers []roster.Peer) int64 {
	var offsets []int64
	for _, p := range peers {
		if f := m.facts[p.ID]; p.Kind != p2p.Inbound && f != nil && f.reported {
			offsets = append(offsets, f.report.TimeOffset)
		}
	}
	if len(offsets) < 5 {
		return 0
	}
	slices.Sort(offsets)
	return offsets[len(offsets)/2]
}

type netTotals struct {
	Received     uint64       `json:"totalbytesrecv"`
	Sent         uint64       `json:"totalbytessent"`
	TimeMillis   int64        `json:"timemillis"`
	UploadTarget uploadTarget `json:"uploadtarget"`
}

func (m commands) getNetTotals(ctx context.Context, _ *rpc.Call) (any, error) {
	totals := netTotals{TimeMillis: time.Now().UnixMilli()}
	for _, p := range m.describe(ctx) {
		totals.Received += p.report.BytesReceived
		totals.Sent += p.report.BytesSent
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	totals.Received += m.closedReceived
	totals.Sent += m.closedSent
	totals.UploadTarget = m.uploads.target(m.now())
	return totals, nil
}

func (m commands) setNetworkActive(_ context.Context, call *rpc.Call) (any, error) {
	active, err := call.Bool(0, true)
	if err != nil {
		return nil, err
	}
	m.env.Logger.Info(fmt.Sprintf("SetNetworkActive: %t", active))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dispatch(m.roster.SetActive(active))
	m.dispatch(m.roster.Tick(time.Now()))
	m.fillSlots()
	m.changed()
	return m.roster.Active(), nil
}
