package manager

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// peerInfo is one object of getpeerinfo, in Bitcoin Core's order.
type peerInfo struct {
	ID                int64             `json:"id"`
	Addr              string            `json:"addr"`
	AddrBind          string            `json:"addrbind,omitempty"`
	AddrLocal         string            `json:"addrlocal,omitempty"`
	Network           string            `json:"network"`
	MappedAS          uint32            `json:"mapped_as,omitempty"`
	Services          string            `json:"services"`
	ServicesNames     []string          `json:"servicesnames"`
	RelayTxes         bool              `json:"relaytxes"`
	LastInvSequence   uint64            `json:"last_inv_sequence"`
	InvToSend         int               `json:"inv_to_send"`
	LastSend          int64             `json:"lastsend"`
	LastRecv          int64             `json:"lastrecv"`
	LastTransaction   int64             `json:"last_transaction"`
	LastBlock         int64             `json:"last_block"`
	BytesSent         uint64            `json:"bytessent"`
	BytesRecv         uint64            `json:"bytesrecv"`
	ConnTime          int64             `json:"conntime"`
	TimeOffset        int64             `json:"timeoffset"`
	PingTime          *micros           `json:"pingtime,omitempty"`
	MinPing           *micros           `json:"minping,omitempty"`
	PingWait          *micros           `json:"pingwait,omitempty"`
	Version           int32             `json:"version"`
	SubVer            string            `json:"subver"`
	Inbound           bool              `json:"inbound"`
	BIP152To          bool              `json:"bip152_hb_to"`
	BIP152From        bool              `json:"bip152_hb_from"`
	PresyncedHeaders  int32             `json:"presynced_headers"`
	SyncedHeaders     int32             `json:"synced_headers"`
	SyncedBlocks      int32             `json:"synced_blocks"`
	InFlight          []int32           `json:"inflight"`
	AddrRelayEnabled  bool              `json:"addr_relay_enabled"`
	AddrProcessed     uint64            `json:"addr_processed"`
	AddrRateLimited   uint64            `json:"addr_rate_limited"`
	Permissions       []string          `json:"permissions"`
	MinFeeFilter      rpc.Amount        `json:"minfeefilter"`
	SentPerMsg        map[string]uint64 `json:"bytessent_per_msg"`
	RecvPerMsg        map[string]uint64 `json:"bytesrecv_per_msg"`
	ConnectionType    string            `json:"connection_type"`
	TransportProtocol string            `json:"transport_protocol_type"`
	SessionID         string            `json:"session_id"`
	*peerLoad
}

// micros is a duration in microseconds, shown in seconds.
type micros int64

// JSONSchema implements rpc.Describer.
func (micros) JSONSchema() rpc.Schema { return rpc.Schema{"type": "number"} }

// MarshalJSON writes seconds with the decimals that are needed.
func (d micros) MarshalJSON() ([]byte, error) { return json.Marshal(float64(d) / 1e6) }

func (m commands) getPeerInfo(ctx context.Context, _ *rpc.Call) (any, error) {
	list := []peerInfo{}
	peers := m.describe(ctx)
	processes := m.processes(ctx)
	for _, p := range peers {
		info := m.infoOf(p)
		info.peerLoad = m.loadOf(p, processes)
		list = append(list, info)
	}
	return list, nil
}

func (m commands) infoOf(p described) peerInfo {
	r := p.report
	i := peerInfo{
		ID: p.ID, Addr: p.Name, AddrLocal: r.AddrLocal, Network: m.cfg.Networks.networkOf(p.Remote, p.Local, p.Kind == p2p.Inbound),
		MappedAS: m.asmap.System(p.Remote.Host), Services: fmt.Sprintf("%016x", r.Services), ServicesNames: serviceNames(r.Services),
		RelayTxes: r.RelaysTxs, InvToSend: r.InvToSend, LastInvSequence: r.LastInvSequence,
		LastSend: r.LastSend, LastRecv: r.LastReceive, LastTransaction: r.LastTransaction, LastBlock: r.LastBlock,
		BytesSent: r.BytesSent, BytesRecv: r.BytesReceived, ConnTime: p.Opened.Unix(), TimeOffset: r.TimeOffset,
		Version: r.Version, SubVer: r.UserAgent, Inbound: p.Kind == p2p.Inbound,
		BIP152To: r.HighTo, BIP152From: r.HighFrom, PresyncedHeaders: r.Presynced, SyncedHeaders: r.SyncedHeaders, SyncedBlocks: r.SyncedBlocks,
		InFlight: append([]int32{}, r.InFlight...), AddrRelayEnabled: r.AddrRelay,
		AddrProcessed: r.AddrProcessed, AddrRateLimited: r.AddrLimited, Permissions: p.permissions.Names(),
		MinFeeFilter: rpc.Amount(r.FeeFilter), SentPerMsg: orEmpty(r.SentPerType), RecvPerMsg: orEmpty(r.ReceivedPerType),
		ConnectionType: string(p.Kind), TransportProtocol: r.Transport, SessionID: r.SessionID,
	}
	if p.Local.IsValid() {
		i.AddrBind = p.Local.String()
	}
	if i.TransportProtocol == "" { // its worker has told nothing yet
		i.TransportProtocol, i.PresyncedHeaders, i.SyncedHeaders, i.SyncedBlocks = "v1", -1, -1, -1
		if p.V2 || p.Kind == p2p.Inbound && m.cfg.speaksV2() {
			i.TransportProtocol = "detecting"
		}
	}
	if r.Pinged {
		ping, least := micros(r.Ping), micros(r.MinPing)
		i.PingTime, i.MinPing = &ping, &least
	}
	if wait := micros(r.PingWait); wait > 0 {
		i.PingWait = &wait
	}
	return i
}

func orEmpty(m map[string]uint64) map[string]uint64 {
	if m == nil {
		return map[string]uint64{}
	}
	return m
}

// serviceBits are the services with a name, by bit.
var serviceBits = map[int]string{
	0: "NETWORK", 2: "BLOOM", 3: "WITNESS", 6: "COMPACT_FILTERS", 10: "NETWORK_LIMITED", 11: "P2P_V2",
}

func serviceNames(services uint64) []string {
	names := []string{}
	for bit := range 64 {
		if services>>bit&1 == 0 {
			continue
		}
		name, ok := serviceBits[bit]
		if !ok {
			name = fmt.Sprintf("UNKNOWN[2^%d]", bit)
		}
		names = append(names, name)
	}
	return names
}
