package p2pworker

import (
	"context"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// report answers the manager's order with the state of all connections.
func (w *worker) report(ctx context.Context, id uint64) error {
	req := p2p.ReportPeersRequest{ID: id}
	for _, p := range w.allPeers() {
		req.Peers = append(req.Peers, p.report())
	}
	// A manager that is gone has nobody to report to.
	_, _ = msg.ReportPeers.Call(ctx, w.conn, req)
	return nil
}

func (p *peer) openInfo() p2p.OpenInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p2p.OpenInfo{
		Peer: p.id, Kind: p.open.Kind, Name: p.open.Name, Remote: p.remote.String(), Local: p.local.String(),
		Opened: p.opened.Unix(), NoBan: p.open.Permissions.Has(p2p.NoBan), Ready: p.ready,
	}
}

// report describes the connection as it is now.
func (p *peer) report() p2p.PeerReport {
	p.mu.Lock()
	i := p.s.Info(p.w.env.Clock.Now())
	p.mu.Unlock()
	t := p.link.Stats()
	r := p2p.PeerReport{
		Peer: p.id, LastSend: t.LastSend / int64(time.Second), LastReceive: t.LastReceive / int64(time.Second),
		LastTransaction: unixOrZero(i.LastTx), LastBlock: unixOrZero(i.LastBlock),
		BytesSent: t.BytesSent, BytesReceived: t.BytesReceived,
		SentPerType: t.SentPerType, ReceivedPerType: t.ReceivedPerType,
		Ping: i.LastPing.Microseconds(), MinPing: i.LowestPing.Microseconds(),
		PingWait: i.PingWait.Microseconds(), Pinged: i.Pings > 0,
		Version: i.Peer.Version, Services: uint64(i.Peer.Services), UserAgent: i.Peer.UserAgent,
		TimeOffset: int64(i.Peer.TimeOffset / time.Second), RelaysTxs: i.RelaysTxs, Ready: i.Handshaken,
		SyncedHeaders: i.SyncedHeight, SyncedBlocks: min(i.SyncedHeight, p.w.currentTip().Height),
		InFlight: i.Heights, FeeFilter: i.FeeFilter, AddrRelay: i.AddrRelay,
		AddrProcessed: i.AddrReceived, AddrLimited: i.AddrLimited, InvToSend: i.PendingTxs,
		Transport: "v1",
	}
	if i.Peer.AddrLocal.IsValid() && !i.Peer.AddrLocal.Addr().IsUnspecified() {
		r.AddrLocal = i.Peer.AddrLocal.String()
	}
	return r
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
