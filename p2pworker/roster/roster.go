package roster

import (
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
	// TxRelayPercent is how many of the inbound ones may be told of transactions.
	TxRelayPercent int
	// Manual is how many -addnode targets are connected at a time.
	Manual int
	// Private is how many there are, beside all others, that send one transaction each.
	Private int
	// Port completes targets that name none.
	Port uint16
	// DialTime is how long a worker may take to tell how a dial ended.
	DialTime time.Duration
	// Pools are those of profiles, by name.
	Pools map[string]Pool
}

// DefaultLimits are Bitcoin Core's. Its -timeout is five seconds for a dial, to
// which a minute is added for the worker to be told and to tell.
func DefaultLimits() Limits {
	return Limits{Total: 125, FullRelay: 8, BlockRelay: 2, TxRelayPercent: 50, Manual: 8, DialTime: 65 * time.Second}
}

// automatic are the numbers of automatic outbound connections that the total has room
// for: full-relay ones come first.
func (l Limits) automatic() (full, block int) {
	full = min(l.FullRelay, l.Total)
	return full, min(l.BlockRelay, l.Total-full)
}

// outbound is how many of the total are kept free for automatic outbound
// connections, with one for a feeler.
func (l Limits) outbound() int { return min(l.FullRelay+l.BlockRelay+1, l.Total) }

// Peer is one open connection.
type Peer struct {
	ID     int64
	Kind   p2p.ConnectionType
	Name   string // as dialled, or the remote address
	Remote p2p.Endpoint
	Local  p2p.Endpoint
	// Network is the one by which it is connected.
	Network p2p.NetworkID
	// Group stands for the part of the network that one operator is likely to own.
	// Nobody else may be able to foresee it: by it some are safe from eviction.
	Group  uint64
	Worker string
	// V2: it was dialled to be encrypted. Of one that a worker brought it is not
	// known: should the peer refuse, it is closed as any other.
	V2     bool
	Opened time.Time
	NoBan  bool
	// Discouraged: one from its address misbehaved. It goes first, if any has to.
	Discouraged bool
	// Profile is that of the listener it came by, "" for none.
	Profile string
	// Leaving: its worker was told to close it.
	Leaving bool
	// Reason is why, if it is.
	Reason p2p.DisconnectReason
	// Ready: the handshake is complete.
	Ready bool
	Merits
	// Protected: its chain is no reason to drop it.
	Protected bool
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
	// shares: workers for one connection are given no more dials.
	shares bool
}

type worker struct {
	capacity int // 0 for no limit
	peers    int
	dials    int
	// used is the number of the last dial it was given.
	used uint64
	// retired: it goes when its last connection has ended.
	retired bool
}

// limited tells a worker of the pool, in which each has one connection, from
// one that serves a whole machine.
func (w *worker) full() bool { return w.limited() && w.peers >= w.capacity }

func (w *worker) limited() bool { return w.capacity > 0 }

func (w *worker) room() bool {
	return !w.retired && (w.capacity == 0 || w.peers+w.dials < w.capacity)
}

// New returns a Roster without workers.
func New(limits Limits) *Roster {
	return &Roster{
		limits: limits, active: true, peers: map[int64]*Peer{},
		workers: map[string]*worker{}, dials: map[uint64]*dial{},
	}
}

// AddWorker notes a worker that takes up to capacity connections, 0 for any
// number, and the connections it has already, if it knew us before. It is not
// believed about those of others, nor about more than it takes, nor about numbers
// that leave no room for more: these it is told to close, as they would live on unknown.
// Those that it was told to close, or that may not be while networking is off, it is told
// to close again: the order may be lost.
func (r *Roster) AddWorker(name string, capacity int, open []Peer) []Order {
	leaving := map[int64]bool{}
	for _, p := range r.dropWorker(name) {
		leaving[p.ID] = p.Leaving
	}
	w := &worker{capacity: capacity}
	r.workers[name] = w
	var orders []Order
	for _, p := range open {
		if other := r.peers[p.ID]; other != nil || w.full() || p.ID < 0 || p.ID > maxNumber {
			if other == nil || other.Worker != name {
				orders = append(orders, closing(name, p.ID, p2p.WorkerFailed, "its number is not its own"))
			}
			continue
		}
		p.Worker = name
		r.peers[p.ID] = &p
		r.nextID = max(r.nextID, p.ID+1)
		w.peers++
		r.adopt(&p)
		if leaving[p.ID] || !r.active {
			orders = append(orders, r.leave(p.ID, p2p.ToldBefore, "told to leave before")...)
		}
	}
	r.superfluous()
	return append(orders, r.assign()...)
}

// NumberDialsFrom numbers dials beyond n: a worker may still be busy with those of a
// roster before this one, which are not to be taken for its own.
func (r *Roster) NumberDialsFrom(n uint64) { r.dialID = max(r.dialID, n) }

// NumberPeersFrom numbers connections beyond id, which one of an earlier roster had.
func (r *Roster) NumberPeersFrom(id int64) {
	if id < maxNumber {
		r.nextID = max(r.nextID, id+1)
	}
}

// maxNumber is the largest number of a connection that a worker is believed.
const maxNumber = 1 << 52

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
	r.takeDials(name)
	delete(r.workers, name)
	slices.SortFunc(lost, func(a, b Peer) int { return int(a.ID - b.ID) })
	return lost
}

// takeDials makes the dials of a worker wait for another.
func (r *Roster) takeDials(worker string) {
	for id, d := range r.dials {
		if d.worker == worker {
			r.takeDial(worker, id)
			r.await(d)
		}
	}
}

// RetireWorker prepares the end of a worker: it dials no more, and what it has dialled to
// stay is ended, for others to dial anew. What has connected to it stays, and what ends
// soon by itself.
func (r *Roster) RetireWorker(name string) []Order {
	w := r.workers[name]
	if w == nil {
		return nil
	}
	w.retired = true
	r.takeDials(name)
	orders, _ := r.DisconnectIf(p2p.WorkerLeaves, "its process leaves", func(p Peer) bool { return p.Worker == name && lasting(p.Kind) })
	return append(orders, r.assign()...)
}

// lasting reports whether we make connections of a kind to keep them.
func lasting(kind p2p.ConnectionType) bool {
	return kind == p2p.Manual || kind == p2p.FullRelay || kind == p2p.BlockRelayOnly
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

// Alone reports whether a worker has one connection at most.
func (r *Roster) Alone(worker string) bool {
	w := r.workers[worker]
	return w != nil && w.capacity == 1
}

// SetShares says whether dials are only for workers that share all connections.
func (r *Roster) SetShares(shares bool) { r.shares = shares }

// Idle lists the workers for one connection that have none, and are making none.
func (r *Roster) Idle() (names []string) {
	for name, w := range r.workers {
		if w.capacity == 1 && w.load() == 0 {
			names = append(names, name)
		}
	}
	return names
}

// share is how much a worker has to do. The workers of the pool count as one:
// it would otherwise always have somebody idle, and those beside it no part.
type share struct {
	load int
	used uint64
}

func (s share) less(o share) bool { return s.load < o.load || s.load == o.load && s.used < o.used }

// choose returns the worker with the smallest share that has room, of equals,
// also within the pool, the one whose last dial is longest ago: what one could
// not reach another is asked for next.
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
		if !w.room() || r.shares && w.limited() {
			continue
		}
		s := pool
		if !w.limited() {
			s = share{w.load(), w.used}
		}
		if best == "" || s.less(least) || s == least && r.before(name, best) {
			best, least = name, s
		}
	}
	return best
}

// before reports whether a worker's last dial is longer ago than another's.
func (r *Roster) before(a, b string) bool {
	x, y := r.workers[a].used, r.workers[b].used
	return x < y || x == y && a < b
}

func (w *worker) load() int { return w.peers + w.dials }

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
	orders, _ := r.DisconnectIf(p2p.EndedByInactiveNet, "Network not active", func(Peer) bool { return true })
	return orders
}
