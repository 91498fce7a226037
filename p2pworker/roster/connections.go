package roster

import (
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Refusal says why a connection may not be; empty if it may. The text is
// Bitcoin Core's, without the address.
type Refusal string

// Reasons to refuse a connection.
const (
	NotActive  Refusal = "not accepting new connections"
	Full       Refusal = "full"
	NoDial     Refusal = "unknown dial"
	NoWorker   Refusal = "unknown worker"
	WorkerFull Refusal = "the worker has all connections that it takes"
)

// Opened is an accepted or completed connection as its worker tells of it.
type Opened struct {
	Worker        string
	Dial          uint64 // 0 for an inbound one
	Remote, Local p2p.Endpoint
	Network       p2p.NetworkID
	Group         uint64
	NoBan         bool
	Discouraged   bool
	Profile       string
}

// Open numbers a new connection, or refuses it. Orders may evict another one.
func (r *Roster) Open(now time.Time, o Opened) (Peer, []Order, Refusal) {
	w := r.workers[o.Worker]
	if w == nil {
		return Peer{}, nil, NoWorker
	}
	p := Peer{Kind: p2p.Inbound, Name: o.Remote.String(), Remote: o.Remote, Local: o.Local,
		Network: o.Network, Group: o.Group, Worker: o.Worker, Opened: now, NoBan: o.NoBan, Discouraged: o.Discouraged, Profile: o.Profile}
	var orders []Order
	if o.Dial != 0 {
		d := r.takeDial(o.Worker, o.Dial)
		if d == nil {
			return Peer{}, nil, NoDial
		}
		if w.full() {
			r.await(d)
			return Peer{}, r.assign(), WorkerFull
		}
		p.Kind, p.Name, p.V2 = d.Kind, d.Target, d.V2
		if d.target != nil {
			d.target.succeeded()
		}
	}
	if w.full() {
		return Peer{}, nil, WorkerFull
	}
	if !r.active {
		return Peer{}, r.assign(), NotActive
	}
	if o.Dial == 0 {
		var refusal Refusal
		if orders, refusal = r.admit(o.Profile); refusal != "" {
			return Peer{}, orders, refusal
		}
	}
	p.ID = r.nextID
	r.nextID++
	r.peers[p.ID] = &p
	w.peers++
	return p, orders, ""
}

// Close notes that a connection has ended.
func (r *Roster) Close(now time.Time, id int64) (Peer, []Order, bool) {
	p := r.peers[id]
	if p == nil {
		return Peer{}, nil, false
	}
	r.drop(p)
	r.retarget(now, p.Name)
	return *p, r.assign(), true
}

func (r *Roster) drop(p *Peer) {
	delete(r.peers, p.ID)
	if w := r.workers[p.Worker]; w != nil {
		w.peers--
	}
}

// Peers returns the open connections by number.
func (r *Roster) Peers() []Peer {
	list := make([]Peer, 0, len(r.peers))
	for _, p := range r.peers {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Peer) int { return int(a.ID - b.ID) })
	return list
}

// Peer returns one of them.
func (r *Roster) Peer(id int64) (Peer, bool) {
	if p := r.peers[id]; p != nil {
		return *p, true
	}
	return Peer{}, false
}

// SetReady notes that the handshake of a connection is complete.
func (r *Roster) SetReady(id int64) {
	if p := r.peers[id]; p != nil {
		p.Ready = true
	}
}

// SetMerits notes what is known of a connection by now.
func (r *Roster) SetMerits(id int64, m Merits) {
	if p := r.peers[id]; p != nil {
		p.Merits = m
	}
}

// maxProtected is how many connections of ours are protected at a time (Bitcoin Core's
// MAX_OUTBOUND_PEERS_TO_PROTECT_FROM_DISCONNECT): others shall be replaceable.
const maxProtected = 4

// Protect takes a full-relay connection that we made among the protected, if there is
// room. It reports whether it is one of them.
func (r *Roster) Protect(id int64) bool {
	p := r.peers[id]
	if p == nil || p.Kind != p2p.FullRelay {
		return false
	}
	if !p.Protected && r.staying(func(p *Peer) bool { return p.Protected }) < maxProtected {
		p.Protected = true
	}
	return p.Protected
}

// Count returns the number of connections of a kind.
func (r *Roster) Count(kind p2p.ConnectionType) int {
	n := 0
	for _, p := range r.peers {
		if p.Kind == kind {
			n++
		}
	}
	return n
}

// DisconnectIf orders the end of the connections that match and returns how
// many do, those already told to leave included.
func (r *Roster) DisconnectIf(code p2p.DisconnectReason, reason string, match func(Peer) bool) (orders []Order, matched int) {
	for _, p := range r.Peers() {
		if !match(p) {
			continue
		}
		matched++
		orders = append(orders, r.leave(p.ID, code, reason)...)
	}
	return orders, matched
}

func (r *Roster) leave(id int64, code p2p.DisconnectReason, reason string) []Order {
	p := r.peers[id]
	if p.Leaving {
		return nil
	}
	p.Leaving, p.Reason = true, code
	return []Order{closing(p.Worker, id, code, reason)}
}

func closing(worker string, id int64, code p2p.DisconnectReason, reason string) Order {
	return Order{Worker: worker, WorkerOrder: p2p.WorkerOrder{Disconnect: &p2p.DisconnectOrder{Peer: id, Reason: reason, Code: code}}}
}

// FreeInbound returns how many more inbound connections there is room for.
func (r *Roster) FreeInbound() int {
	n := r.publicSlots()
	for _, p := range r.peers {
		if p.Kind == p2p.Inbound && p.Profile == "" {
			n--
		}
	}
	return n
}
