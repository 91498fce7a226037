package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// openPeer serves OpenPeer.
func (m *manager) openPeer(ctx context.Context, req p2p.OpenPeerRequest) (p2p.OpenPeerReply, error) {
	name := bus.CallerFrom(ctx).Instance
	remote, local := m.cfg.Networks.endpoint(req.Remote), m.cfg.Networks.endpoint(req.Local)
	profile := m.cfg.profileAt(local, req.Dial == 0)
	if req.Dial == 0 && m.crowded(func(r *roster.Roster) int { return r.RoomInside(profile.Name) }) {
		m.freshen(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queues[name] == nil {
		return p2p.OpenPeerReply{}, bus.Errorf(msg.KindUnknownWorker, "%s has not registered", name)
	}
	permissions := permissionsFor(m.grants, remote, local, req.Dial == 0)
	permissions |= profile.Permissions
	if why := m.unwelcome(remote, local, req.Dial == 0, permissions.Has(p2p.NoBan)); why != "" {
		m.net.Debug(fmt.Sprintf("connection from %s dropped %s", remote, why))
		return p2p.OpenPeerReply{Refused: why}, nil
	}
	p, orders, refusal := m.roster.Open(m.now(), roster.Opened{
		Worker: name, Dial: req.Dial, Remote: remote, Local: local, Network: m.cfg.Networks.through(remote, local, req.Dial == 0),
		Group: m.keyedGroup(remote.Host), NoBan: permissions.Has(p2p.NoBan), Discouraged: m.bans.Discouraged(remote.Host), Profile: profile.Name})
	if refusal == "" {
		m.facts[p.ID] = &facts{permissions: permissions}
		m.count(p.ID, profile)
	}
	m.dispatch(orders)
	if refusal == "" || refusal == roster.NotActive {
		m.dialDone(req.Dial)
	}
	if refusal != "" {
		m.logRefusal(remote, refusal)
		m.changed()
		return p2p.OpenPeerReply{Refused: string(refusal)}, nil
	}
	if req.Dial == 0 {
		m.net.Debug(fmt.Sprintf("connection from %s accepted", remote))
	}
	m.net.Debug(fmt.Sprintf("Added connection peer=%d", p.ID))
	m.changed()
	return p2p.OpenPeerReply{Peer: p.ID, Kind: p.Kind, Name: p.Name, Permissions: permissions, Meter: m.meter(p.ID), Services: profile.Services,
		Listening: m.cfg.Own.Listening, UploadLimited: m.uploads.limit > 0}, nil
}

// unwelcome says why a connection from an address is refused.
func (m *manager) unwelcome(remote, local p2p.Endpoint, inbound, noban bool) string {
	switch {
	case !inbound || noban:
		return ""
	case m.banned(remote, local):
		return "(banned)"
	case m.bans.Discouraged(remote.Host) && m.roster.FreeInbound() <= 1:
		return "(discouraged)"
	}
	return ""
}

func (m *manager) logRefusal(remote p2p.Endpoint, why roster.Refusal) {
	switch why {
	case roster.Full:
		m.net.Debug("failed to find an eviction candidate - connection dropped (full)")
	case roster.NotActive:
		m.net.Debug(fmt.Sprintf("connection from %s dropped: not accepting new connections", remote))
	}
}

// dialFailed serves DialFailed.
func (m *manager) dialFailed(ctx context.Context, req p2p.DialFailedRequest) (bus.None, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	target, kind := m.roster.DialTarget(req.Dial), m.roster.DialKind(req.Dial)
	orders, ok := m.roster.DialFailed(time.Now(), bus.CallerFrom(ctx).Instance, req.Dial, req.Busy)
	if ok && req.Proxy {
		m.noteProxy(target, kind)
	}
	m.dispatch(orders)
	if ok && !req.Busy {
		m.dialDone(req.Dial)
	}
	m.changed()
	return bus.None{}, nil
}

// noTxRelay tells a worker why a peer has to go: see RelayTxs.
const noTxRelay = "failed to find a tx-relaying eviction candidate - connection dropped after version message"

// introducePeer serves IntroducePeer.
func (m *manager) introducePeer(ctx context.Context, req p2p.IntroducePeerRequest) (p2p.IntroducePeerReply, error) {
	if req.Relay {
		if v, err := m.relayTxs(ctx, p2p.RelayTxsRequest{Peer: req.Peer}); err != nil || v.Refused {
			return p2p.IntroducePeerReply{Refused: noTxRelay}, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.peerOf(ctx, req.Peer)
	if !ok {
		return p2p.IntroducePeerReply{}, nil
	}
	m.roster.SetReady(req.Peer)
	m.noteTor(p)
	if f := m.facts[req.Peer]; f != nil {
		f.services = wire.ServiceFlag(req.Services)
		m.noteSeen(p, f, req.AddrLocal)
	}
	if p.Kind != p2p.Inbound && p.Kind != p2p.PrivateBroadcast { // of which the book tells nobody
		m.book.Good(p.Remote, wire.ServiceFlag(req.Services), m.now())
	}
	return p2p.IntroducePeerReply{}, nil
}

// closePeer serves ClosePeer.
func (m *manager) closePeer(ctx context.Context, req p2p.ClosePeerRequest) (bus.None, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, own := m.peerOf(ctx, req.Peer); !own {
		return bus.None{}, nil
	}
	p, orders, ok := m.ended(req)
	if !ok {
		return bus.None{}, nil
	}
	if f := m.facts[req.Peer]; f != nil {
		m.countSent(f, req.Report.BytesSent)
	}
	m.remember(p, req)
	m.forget(req.Peer)
	m.closedSent += req.Report.BytesSent
	m.closedReceived += req.Report.BytesReceived
	if p.Ready && p.Kind != p2p.Inbound && p.Kind != p2p.BlockRelayOnly && p.Kind != p2p.PrivateBroadcast {
		m.book.Connected(p.Remote, m.now())
	}
	// All peers that come by Tor have the address of this machine: one that misbehaves
	// speaks for itself only. So does one of which but the name is known.
	if req.Discourage && p.Remote.IsValid() && !p.Remote.Host.IsLocal() {
		m.bans.Discourage(p.Remote.Host)
		more, _ := m.roster.DisconnectIf(p2p.EndedByDiscouragement, "discouraged", func(other roster.Peer) bool {
			return other.Remote.Host == p.Remote.Host && !other.NoBan && other.Kind != p2p.Manual
		})
		orders = append(orders, more...)
	}
	m.dispatch(orders)
	m.changed()
	return bus.None{}, nil
}

// ended takes a connection from the roster. One that was to be encrypted, and cannot,
// is made again. The mutex is held.
func (m *manager) ended(req p2p.ClosePeerRequest) (roster.Peer, []roster.Order, bool) {
	if req.RefusedV2 {
		if p, orders, ok := m.roster.Downgrade(req.Peer); ok {
			m.net.Debug(fmt.Sprintf("retrying with v1 transport protocol for peer=%d", p.ID))
			return p, orders, true
		}
	}
	return m.roster.Close(time.Now(), req.Peer)
}

// peerOf returns a connection of the worker that calls: it is believed about no
// other. The mutex is held.
func (m *manager) peerOf(ctx context.Context, id int64) (roster.Peer, bool) {
	p, ok := m.roster.Peer(id)
	return p, ok && p.Worker == bus.CallerFrom(ctx).Instance
}

// forget drops what is kept about a connection. The mutex is held.
func (m *manager) forget(id int64) {
	delete(m.facts, id)
	m.ledger.Close(id)
}

// dialDone tells those who wait for a dial. The mutex is held.
func (m *manager) dialDone(id uint64) {
	if done := m.dialling[id]; done != nil {
		close(done)
		delete(m.dialling, id)
	}
}

// dial asks for a connection and waits until it is open or has failed. It
// reports false if there is one already.
func (m *manager) dial(ctx context.Context, target string, kind p2p.ConnectionType, v2 bool) bool {
	m.mu.Lock()
	id, orders, ok := m.roster.Dial(target, kind, v2)
	if !ok {
		m.mu.Unlock()
		return false
	}
	done := make(chan struct{})
	m.dialling[id] = done
	m.dispatch(orders)
	m.changed()
	m.mu.Unlock()
	timer := time.NewTimer(dialPatience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.dialling, id)
	return true
}

// dialPatience bounds how long a command waits for the connection it asked for.
const dialPatience = 10 * time.Second
