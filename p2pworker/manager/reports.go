package manager

import (
	"context"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// reportPatience bounds how long a report waits for a worker that is silent;
// its connections are then shown as they were last known.
const reportPatience = 2 * time.Second

// reportRound is one question to all workers that have connections.
type reportRound struct {
	awaited map[string]bool
	done    chan struct{}
}

// takeReport serves ReportPeers.
func (m *manager) takeReport(ctx context.Context, req p2p.ReportPeersRequest) (bus.None, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range req.Peers {
		_, own := m.peerOf(ctx, r.Peer)
		if f := m.facts[r.Peer]; own && f != nil {
			f.report, f.reported = r, true
			m.countSent(f, r.BytesSent)
			if r.Ready {
				m.roster.SetReady(r.Peer)
			}
			m.roster.SetMerits(r.Peer, meritsOf(r))
			if r.Protected { // by a manager before this one, perhaps
				m.roster.Protect(r.Peer)
			}
		}
	}
	if round := m.reports[req.ID]; round != nil {
		m.answered(req.ID, round, bus.CallerFrom(ctx).Instance)
	}
	return bus.None{}, nil
}

func (m *manager) answered(id uint64, round *reportRound, worker string) {
	delete(round.awaited, worker)
	if len(round.awaited) == 0 {
		close(round.done)
		delete(m.reports, id)
	}
}

// finishReports stops waiting for a worker that is gone. The mutex is held.
func (m *manager) finishReports(worker string) {
	for id, round := range m.reports {
		m.answered(id, round, worker)
	}
}

// described is a connection with all that is known about it.
type described struct {
	roster.Peer
	report      p2p.PeerReport
	permissions p2p.Permissions
	// alone: its worker has no other connection.
	alone bool
}

// describe asks all workers for the state of their connections and returns it
// by number.
func (m *manager) describe(ctx context.Context) []described {
	m.mu.Lock()
	m.reportID++
	id := m.reportID
	round := &reportRound{awaited: map[string]bool{}, done: make(chan struct{})}
	for _, p := range m.roster.Peers() {
		if !round.awaited[p.Worker] && m.order(p.Worker, p2p.WorkerOrder{Report: &p2p.ReportOrder{ID: id}}) {
			round.awaited[p.Worker] = true
		}
	}
	if len(round.awaited) > 0 {
		m.reports[id] = round
		m.mu.Unlock()
		m.await(ctx, id, round)
		m.mu.Lock()
	}
	defer m.mu.Unlock()
	var list []described
	for _, p := range m.roster.Peers() {
		if f := m.facts[p.ID]; f != nil {
			list = append(list, described{Peer: p, report: f.report, permissions: f.permissions, alone: m.roster.Alone(p.Worker)})
		}
	}
	return list
}

func (m *manager) await(ctx context.Context, id uint64, round *reportRound) {
	timer := time.NewTimer(reportPatience)
	defer timer.Stop()
	select {
	case <-round.done:
		return
	case <-timer.C:
	case <-ctx.Done():
	}
	m.mu.Lock()
	delete(m.reports, id)
	m.mu.Unlock()
}
