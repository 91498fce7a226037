package manager

import (
	"context"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// registrar is the manager as workers see it who register and fetch orders.
type registrar struct{ *manager }

// register serves RegisterWorker.
func (m registrar) register(ctx context.Context, req p2p.RegisterWorkerRequest) (p2p.RegisterWorkerReply, error) {
	return m.registerAs(ctx, bus.CallerFrom(ctx).Instance, req)
}

// registerAs registers a worker whose link is there. The link may have ended
// since the call was made, and the watch may have told of that already: nobody
// would give back what is kept for the worker from now on.
func (m registrar) registerAs(ctx context.Context, name string, req p2p.RegisterWorkerRequest) (p2p.RegisterWorkerReply, error) {
	if err := m.watch.Refresh(ctx); err != nil {
		return p2p.RegisterWorkerReply{}, err
	}
	reply, sure, err := m.enlist(ctx, name, req)
	if err == nil && !sure {
		err = m.confirm(ctx, name)
	}
	return reply, err
}

// enlist takes in a worker. It is sure that the end of the worker's link will be
// told if the watch has told of its beginning, or has not begun: then it begins
// with those who are registered.
func (m registrar) enlist(ctx context.Context, name string, req p2p.RegisterWorkerRequest) (reply p2p.RegisterWorkerReply, sure bool, err error) {
	if len(req.Open) > p2p.MaxPeers {
		return reply, false, bus.Errorf(bus.KindBadMessage, "%d connections of one worker", len(req.Open))
	}
	open, permissions := m.openOf(req)
	brought := broughtBy(req)
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return reply, false, context.Cause(ctx)
	}
	if len(req.NonceKey) == len(m.nonceKey) && len(m.queues) == 0 {
		copy(m.nonceKey[:], req.NonceKey)
	}
	if m.spawning > 0 && req.Capacity > 0 {
		m.spawning-- // others came unasked
	}
	if before := m.queues[name]; before != nil {
		before.retire()
	}
	m.queues[name] = newOrderQueue()
	m.reunion.back(name)
	before := m.connectionsOf(name)
	for i := range open {
		open[i].Discouraged = m.bans.Discouraged(open[i].Remote.Host)
	}
	orders := m.roster.AddWorker(name, req.Capacity, open)
	m.loseOf(before)
	for _, p := range m.connectionsOf(name) {
		m.goOn(p, permissions[p.ID], brought[p.ID])
	}
	m.orderMeters(func(p roster.Peer) bool {
		return p.Worker == name && (brought[p.ID].Metered || m.meter(p.ID).Limited())
	})
	m.dispatch(orders)
	m.dispatchBans(name)
	m.dismiss()
	m.retire(name)
	m.changed()
	return p2p.RegisterWorkerReply{NonceKey: m.nonceKey[:]}, m.there[name] || m.conn == nil, nil
}

// connectionsOf lists those of a worker. The mutex is held.
func (m *manager) connectionsOf(worker string) []roster.Peer {
	return slices.DeleteFunc(m.roster.Peers(), func(p roster.Peer) bool { return p.Worker != worker })
}

// loseOf notes the end of those connections that are there no more: their worker has
// registered again without them. The mutex is held.
func (m *manager) loseOf(before []roster.Peer) {
	m.mourn(slices.DeleteFunc(before, func(p roster.Peer) bool {
		_, there := m.roster.Peer(p.ID)
		return there
	}))
}

// goOn keeps what is known of a connection that a worker has brought, or begins to, with
// what an earlier manager has set for it. What was sent over it by now has been counted.
// The mutex is held.
func (m *manager) goOn(p roster.Peer, may p2p.Permissions, o p2p.OpenInfo) {
	if f := m.facts[p.ID]; f != nil {
		f.permissions = may
		return
	}
	m.facts[p.ID] = &facts{permissions: may, epochs: max(o.Epoch, m.epoch) - m.epoch}
	m.count(p.ID, m.cfg.profileAt(p.Local, p.Kind == p2p.Inbound))
	if allowedRates(o.Own) {
		m.ledger.SetPeer(p.ID, o.Own)
	}
}

// dispatchBans ends the connections of banned addresses that a worker brings,
// which would not be accepted now: another manager may have banned them. The mutex
// is held.
func (m registrar) dispatchBans(worker string) {
	orders, _ := m.roster.DisconnectIf(p2p.EndedByBan, "banned", func(p roster.Peer) bool {
		return p.Worker == worker && p.Kind == p2p.Inbound && !p.NoBan && m.banned(p.Remote, p.Local)
	})
	m.dispatch(orders)
}

// openOf returns the connections that a worker brings, and what they may, of which
// it is not believed anything.
func (m registrar) openOf(req p2p.RegisterWorkerRequest) (open []roster.Peer, permissions map[int64]p2p.Permissions) {
	permissions = map[int64]p2p.Permissions{}
	for _, o := range req.Open {
		if !slices.Contains(p2p.ConnectionTypes(), o.Kind) {
			continue // nobody can ask anything of it
		}
		remote, local := m.cfg.Networks.endpoint(o.Remote), m.cfg.Networks.endpoint(o.Local)
		may := permissionsFor(m.grants, remote, local, o.Kind == p2p.Inbound)
		profile := m.cfg.profileAt(local, o.Kind == p2p.Inbound)
		may |= profile.Permissions
		permissions[o.Peer] = may
		open = append(open, roster.Peer{ID: o.Peer, Kind: o.Kind, Name: nameOf(o, remote), Remote: remote,
			Local: local, Network: m.cfg.Networks.through(remote, local, o.Kind == p2p.Inbound), Group: m.keyedGroup(remote.Host), Opened: time.Unix(o.Opened, 0),
			NoBan: may.Has(p2p.NoBan), Profile: profile.Name, Ready: o.Ready})
	}
	return open, permissions
}

// maxName bounds the name of a connection, in bytes: a domain name has no more than 255
// (RFC 1035), and a port comes after it.
const maxName = 255 + len(":65535")

// nameOf is what a connection is called, by its worker if that may be its name.
func nameOf(o p2p.OpenInfo, remote p2p.Endpoint) string {
	if o.Name == "" || len(o.Name) > maxName || printable(o.Name, maxName) != o.Name {
		return remote.String()
	}
	return o.Name
}

// broughtBy lists the connections that a worker brings by number.
func broughtBy(req p2p.RegisterWorkerRequest) map[int64]p2p.OpenInfo {
	brought := map[int64]p2p.OpenInfo{}
	for _, o := range req.Open {
		brought[o.Peer] = o
	}
	return brought
}

// confirm asks the broker whether a worker that has registered is there: if it
// ends later, the watch tells so, or looks for it after a gap.
func (m registrar) confirm(ctx context.Context, name string) error {
	registry, err := msg.Registry.Call(ctx, m.conn, bus.None{})
	if err == nil && slices.ContainsFunc(registry.Links, func(e msg.RegistryEntry) bool { return e.Instance == name }) {
		return nil
	}
	m.workerGone(name)
	if err == nil {
		err = bus.Errorf(msg.KindUnknownWorker, "the link of %s has ended", name)
	}
	return err
}
