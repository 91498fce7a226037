package p2pworker

import (
	"context"
	"encoding/hex"
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
	m := p.valve.limits()
	return p2p.OpenInfo{
		Peer: p.id, Kind: p.open.Kind, Name: p.open.Name, Remote: p.remote.String(), Local: p.local.String(),
		Opened: p.opened.Unix(), Ready: p.ready,
		Metered: m.Limited(), Epoch: m.Epoch, Own: m.Own,
	}
}

// report describes the connection as it is now.
func (p *peer) report() p2p.PeerReport {
	p.mu.Lock()
	r := p.s.Report(p.w.env.Clock.Now())
	p.mu.Unlock()
	t := p.link.Stats()
	r.LastSend, r.LastReceive = t.LastSend/int64(time.Second), t.LastReceive/int64(time.Second)
	r.BytesSent, r.BytesReceived = t.BytesSent, t.BytesReceived
	r.LastSent, r.LastReceived, r.SendQueue = t.LastSent, t.LastReceived, t.Queued
	r.SentPerType, r.ReceivedPerType = t.SentPerType, t.ReceivedPerType
	s := p.link.Session()
	r.Transport, r.SessionID = string(s.Protocol), hex.EncodeToString(s.ID)
	return r
}
