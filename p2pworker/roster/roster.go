package roster

import (
	"net/netip"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Limits are the numbers of connections.
type Limits struct {
	// Total is -maxconnections: inbound and automatic outbound ones.
	Total int
	// FullRelay and BlockRelay are the automatic outbound ones.
	FullRelay, BlockRelay int
	// Manual is how many -addnode targets are connected at a time.
	Manual int
}

// DefaultLimits are Bitcoin Core's.
func DefaultLimits() Limits { return Limits{Total: 125, FullRelay: 8, BlockRelay: 2, Manual: 8} }

// outbound is how many of the total are kept free for automatic outbound
// connections, with one for a feeler.
func (l Limits) outbound() int { return min(l.FullRelay+l.BlockRelay+1, l.Total) }

// Peer is one open connection.
type Peer struct {
	ID     int64
	Kind   p2p.ConnectionType
	Name   string // as dialled, or the remote address
	Remote netip.AddrPort
	Local  netip.AddrPort
	Worker string
	Opened time.Time
	NoBan  bool
	// Leaving: its worker was told to close it.
	Leaving bool
	// Ready: the handshake is complete.
	Ready bool
	// LowestPing is for eviction; 0 is unknown.
	LowestPing time.Duration
}

// Order is something for a worker to do: Dial or Disconnect is set.
type Order struct {
	Worker string
	p2p.WorkerOrder
}

// Roster is the state of connection management. See the package comment.
type Roster struct {
	limits  Limits
	active  bool
	nextID  int64
	dialID  uint64
	peers   map[int64]*Peer
	workers map[string]*worker
	dials   map[uint64]*dial
	waiting []*dial // no worker has room yet
	targets []*target
}

type worker struct {
	capacity int // 0 for no limit
	peers    int
	dials    int
	barred   bool // told to leave
	// used is the number of the last dial it was given.
	used uint64
}

// limited tells a worker of the pool, in which each has one connection, from
// one that serves a whole machine.
func (w *worker) limited() bool { return w.capacity > 0 }

func (w *worker) room() bool { return w.capacity == 0 || w.peers+w.dials < w.capacity }

type dial struct {
	p2p.DialOrder
	worker string
	target *target // nil if not configured
	begun  time.Time
}

// New returns a Roster without workers.
func New(limits Limits) *Roster {
	return &Roster{
		limits: limits, active: true, peers: map[int64]*Peer{},
		workers: map[string]*worker{}, dials: map[uint64]*dial{},
	}
}

// AddWorker notes a worker that takes up to capacity connections, 0 for any
// number, and the connections it has already, if it knew us before.
func (r *Roster) AddWorker(name string, capacity int, open []Peer) []Order {
	r.dropWorker(name)
	w := &worker{capacity: capacity}
	r.workers[name] = w
	for _, p := range open {
		p.Worker = name
		r.peers[p.ID] = &p
		r.nextID = max(r.nextID, p.ID+1)
		w.peers++
		r.adopt(&p)
	}
	return r.assign()
}

// RemoveWorker notes that a worker is gone and returns the connections that
// went with it.
func (r *Roster) RemoveWorker(now time.Time, name string) (lost []Peer, orders []Order) {
	lost = r.dropWorker(name)
	for _, p := range lost {
		r.retarget(now, p.Name)
	}
	return lost, r.assign()
}

func (r *Roster) dropWorker(name string) (lost []Peer) {
	for id, p := range r.peers {
		if p.Worker == name {
			lost = append(lost, *p)
			delete(r.peers, id)
		}
	}
	for id, d := range r.dials {
		if d.worker == name {
			delete(r.dials, id)
			d.worker = ""
			r.waiting = append(r.waiting, d)
		}
	}
	delete(r.workers, name)
	slices.SortFunc(lost, func(a, b Peer) int { return int(a.ID - b.ID) })
	return lost
}

// FreeWorkers counts workers of limited capacity with room for a connection:
// the pool from which connections to and from this machine are served. A
// worker without limit may be on another one.
func (r *Roster) FreeWorkers() int {
	n := 0
	for _, w := range r.workers {
		if w.limited() && w.room() {
			n++
		}
	}
	return n
}

// WaitingDials counts dials that no worker has room for.
func (r *Roster) WaitingDials() int { return len(r.waiting) }

// Dial asks for a connection to target. It returns false if there is one
// already, or one is being made.
func (r *Roster) Dial(now time.Time, target string, kind p2p.ConnectionType) (id uint64, orders []Order, ok bool) {
	if r.known(target) || !r.active {
		return 0, nil, false
	}
	d := r.newDial(now, target, kind)
	return d.ID, r.assign(), true
}

func (r *Roster) newDial(now time.Time, target string, kind p2p.ConnectionType) *dial {
	r.dialID++
	d := &dial{DialOrder: p2p.DialOrder{ID: r.dialID, Target: target, Kind: kind}, begun: now}
	r.waiting = append(r.waiting, d)
	return d
}

// known reports whether target is connected or being dialled.
func (r *Roster) known(target string) bool {
	for _, p := range r.peers {
		if p.Name == target || p.Kind != p2p.Inbound && p.Remote.String() == target {
			return true
		}
	}
	for _, d := range r.dials {
		if d.Target == target {
			return true
		}
	}
	return slices.ContainsFunc(r.waiting, func(d *dial) bool { return d.Target == target })
}

// assign gives waiting dials to workers with room.
func (r *Roster) assign() (orders []Order) {
	for len(r.waiting) > 0 {
		name := r.choose()
		if name == "" {
			return orders
		}
		d := r.waiting[0]
		r.waiting = r.waiting[1:]
		d.worker = name
		r.dials[d.ID] = d
		r.workers[name].dials++
		r.workers[name].used = d.ID
		orders = append(orders, Order{Worker: name, WorkerOrder: p2p.WorkerOrder{Dial: &d.DialOrder}})
	}
	return orders
}

// share is how much a worker has to do. The workers of the pool count as one:
// it would otherwise always have somebody idle, and those beside it no part.
type share struct {
	load int
	used uint64
}

func (s share) less(o share) bool { return s.load < o.load || s.load == o.load && s.used < o.used }

// choose returns the worker with the smallest share that has room, of equals
// the one whose last dial is longest ago: what one could not reach another is
// asked for next.
func (r *Roster) choose() (best string) {
	var pool share
	for _, w := range r.workers {
		if w.limited() {
			pool.load += w.load()
			pool.used = max(pool.used, w.used)
		}
	}
	var least share
	for name, w := range r.workers {
		if !w.room() || w.barred {
			continue
		}
		s := pool
		if !w.limited() {
			s = share{w.load(), w.used}
		}
		if best == "" || s.less(least) || s == least && name < best {
			best, least = name, s
		}
	}
	return best
}

func (w *worker) load() int { return w.peers + w.dials }

// DialFailed notes the end of a dial. A worker that was busy did not try, and
// another one will.
func (r *Roster) DialFailed(now time.Time, id uint64, busy bool) []Order {
	d := r.takeDial(id)
	if d == nil {
		return nil
	}
	if busy {
		d.worker = ""
		r.waiting = append(r.waiting, d)
	} else if d.target != nil {
		d.target.failed(now)
	}
	return r.assign()
}

// Dialling reports whether a dial is still under way.
func (r *Roster) Dialling(id uint64) bool {
	if _, ok := r.dials[id]; ok {
		return true
	}
	return slices.ContainsFunc(r.waiting, func(d *dial) bool { return d.ID == id })
}

func (r *Roster) takeDial(id uint64) *dial {
	d := r.dials[id]
	if d == nil {
		return nil
	}
	delete(r.dials, id)
	if w := r.workers[d.worker]; w != nil {
		w.dials--
	}
	return d
}

// Refusal says why a connection may not be; empty if it may. The text is
// Bitcoin Core's, without the address.
type Refusal string

// Reasons to refuse a connection.
const (
	NotActive  Refusal = "not accepting new connections"
	Full       Refusal = "full"
	NoDial     Refusal = "unknown dial"
	NoWorker   Refusal = "unknown worker"
	Duplicated Refusal = "already connected"
)

// Opened is an accepted or completed connection as its worker tells of it.
type Opened struct {
	Worker        string
	Dial          uint64 // 0 for an inbound one
	Remote, Local netip.AddrPort
	NoBan         bool
}

// Open numbers a new connection, or refuses it. Orders may evict another one.
func (r *Roster) Open(now time.Time, o Opened) (Peer, []Order, Refusal) {
	w := r.workers[o.Worker]
	if w == nil {
		return Peer{}, nil, NoWorker
	}
	p := Peer{Kind: p2p.Inbound, Name: o.Remote.String(), Remote: o.Remote, Local: o.Local,
		Worker: o.Worker, Opened: now, NoBan: o.NoBan}
	var orders []Order
	if o.Dial != 0 {
		d := r.takeDial(o.Dial)
		if d == nil {
			return Peer{}, nil, NoDial
		}
		p.Kind, p.Name = d.Kind, d.Target
		if d.target != nil {
			d.target.succeeded()
		}
	}
	if !r.active {
		return Peer{}, r.assign(), NotActive
	}
	if o.Dial == 0 {
		var refusal Refusal
		if orders, refusal = r.admit(); refusal != "" {
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
	delete(r.peers, id)
	if w := r.workers[p.Worker]; w != nil {
		w.peers--
	}
	r.retarget(now, p.Name)
	return *p, r.assign(), true
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

// SetReady notes that the handshake of a connection is complete, and its
// shortest ping if known.
func (r *Roster) SetReady(id int64, lowestPing time.Duration) {
	if p := r.peers[id]; p != nil {
		p.Ready, p.LowestPing = true, lowestPing
	}
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
func (r *Roster) DisconnectIf(reason string, match func(Peer) bool) (orders []Order, matched int) {
	for _, p := range r.Peers() {
		if !match(p) {
			continue
		}
		matched++
		orders = append(orders, r.leave(p.ID, reason)...)
	}
	return orders, matched
}

func (r *Roster) leave(id int64, reason string) []Order {
	p := r.peers[id]
	if p.Leaving {
		return nil
	}
	p.Leaving = true
	return []Order{{Worker: p.Worker, WorkerOrder: p2p.WorkerOrder{Disconnect: &p2p.DisconnectOrder{Peer: id, Reason: reason}}}}
}

// Active reports whether networking is on.
func (r *Roster) Active() bool { return r.active }

// SetActive turns networking on or off; off ends all connections.
func (r *Roster) SetActive(active bool) []Order {
	r.active = active
	if active {
		return nil
	}
	for _, d := range r.waiting {
		if d.target != nil {
			d.target.dialling = false
		}
	}
	r.waiting = nil
	orders, _ := r.DisconnectIf("Network not active", func(Peer) bool { return true })
	return orders
}

// FreeInbound returns how many more inbound connections there is room for.
func (r *Roster) FreeInbound() int {
	return r.limits.Total - r.limits.outbound() - r.Count(p2p.Inbound)
}
