package roster

import (
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

type dial struct {
	p2p.DialOrder
	worker string
	target *target // nil if not configured
	// given is the first Tick at which the worker had it.
	given time.Time
}

// WaitingDials counts dials that no worker has room for.
func (r *Roster) WaitingDials() int { return len(r.waiting) }

// Dial asks for a connection to target, with v2 for one that is encrypted. It
// returns false if there is one already, or one is being made.
func (r *Roster) Dial(target string, kind p2p.ConnectionType, v2 bool) (id uint64, orders []Order, ok bool) {
	if r.known(target) || !r.active {
		return 0, nil, false
	}
	d := r.newDial(target, kind, v2)
	return d.ID, r.assign(), true
}

func (r *Roster) newDial(target string, kind p2p.ConnectionType, v2 bool) *dial {
	r.dialID++
	d := &dial{DialOrder: p2p.DialOrder{ID: r.dialID, Target: target, Kind: kind, V2: v2}}
	r.await(d)
	return d
}

// await makes a dial wait for a worker. While networking is off it ends instead.
func (r *Roster) await(d *dial) {
	d.worker, d.given = "", time.Time{}
	if r.active {
		r.waiting = append(r.waiting, d)
	} else if d.target != nil {
		d.target.dialling = false
	}
}

// known reports whether target is connected or being dialled.
func (r *Roster) known(target string) bool {
	if r.connected(target) {
		return true
	}
	same := r.plain(target)
	for _, d := range r.dials {
		if r.plain(d.Target) == same {
			return true
		}
	}
	return slices.ContainsFunc(r.waiting, func(d *dial) bool { return r.plain(d.Target) == same })
}

func (r *Roster) connected(target string) bool {
	same := r.plain(target)
	for _, p := range r.peers {
		if r.plain(p.Name) == same || p.Kind != p2p.Inbound && p.Remote.String() == same {
			return true
		}
	}
	return false
}

// superfluous drops the dials that wait for what a returning worker has already.
func (r *Roster) superfluous() {
	room := map[p2p.ConnectionType]int{
		p2p.FullRelay: r.Limit(p2p.FullRelay) - r.Count(p2p.FullRelay), p2p.BlockRelayOnly: r.Limit(p2p.BlockRelayOnly) - r.Count(p2p.BlockRelayOnly),
	}
	r.waiting = slices.DeleteFunc(r.waiting, func(d *dial) bool {
		left, bounded := room[d.Kind]
		if drop := bounded && left <= 0 || r.connected(d.Target); !drop {
			if bounded {
				room[d.Kind] = left - 1
			}
			return false
		}
		if d.target != nil {
			d.target.dialling = false
		}
		return true
	})
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

// DialFailed notes the end of a dial of a worker. One that was busy did not try,
// and another one will. It returns false if the dial is not that worker's.
func (r *Roster) DialFailed(now time.Time, worker string, id uint64, busy bool) ([]Order, bool) {
	d := r.takeDial(worker, id)
	if d == nil {
		return nil, false
	}
	if busy {
		r.await(d)
	} else {
		d.failed(now)
	}
	return r.assign(), true
}

func (d *dial) failed(now time.Time) {
	if d.target != nil {
		d.target.failed(now)
	}
}

// giveUpDials ends the dials of which a worker has told nothing for too long: it
// is stuck, or what it told was lost. Should it tell of one after all, that one
// is not its own any more.
func (r *Roster) giveUpDials(now time.Time) {
	for id, d := range r.dials {
		if d.given.IsZero() {
			d.given = now
		}
		if now.Sub(d.given) >= r.limits.DialTime {
			r.takeDial(d.worker, id)
			d.failed(now)
		}
	}
}

// Downgrade notes that a connection has ended because its peer does not speak v2,
// and dials it again with v1: it keeps its kind and its slot. It returns false, and
// notes nothing, if that is not to be, for then the connection has been closed as
// any other.
func (r *Roster) Downgrade(id int64) (Peer, []Order, bool) {
	p := r.peers[id]
	if p == nil || !p.V2 || p.Leaving || !r.active {
		return Peer{}, nil, false
	}
	r.drop(p)
	d := r.newDial(p.Name, p.Kind, false)
	if t := r.targetOf(p.Name); t != nil {
		t.dialling = true
		d.target = t
	}
	return *p, r.assign(), true
}

// Dialling reports whether a dial is still under way.
func (r *Roster) Dialling(id uint64) bool {
	if _, ok := r.dials[id]; ok {
		return true
	}
	return slices.ContainsFunc(r.waiting, func(d *dial) bool { return d.ID == id })
}

// Dials returns where all dials are to that are under way or wait.
func (r *Roster) Dials() (targets []string) {
	for _, d := range r.dials {
		targets = append(targets, d.Target)
	}
	for _, d := range r.waiting {
		targets = append(targets, d.Target)
	}
	return targets
}

// DialTarget returns where a dial that a worker has is to, "" if there is none.
func (r *Roster) DialTarget(id uint64) string {
	if d := r.dials[id]; d != nil {
		return d.Target
	}
	return ""
}

// DialOrder returns a dial that a worker has, unless it is another's.
func (r *Roster) DialOrder(worker string, id uint64) (p2p.DialOrder, bool) {
	if d := r.dials[id]; d != nil && d.worker == worker {
		return d.DialOrder, true
	}
	return p2p.DialOrder{}, false
}

// DialKind returns why that is, "" if there is none.
func (r *Roster) DialKind(id uint64) p2p.ConnectionType {
	if d := r.dials[id]; d != nil {
		return d.Kind
	}
	return ""
}

// takeDial takes a dial from the worker that has it, nil if that is another one.
func (r *Roster) takeDial(worker string, id uint64) *dial {
	d := r.dials[id]
	if d == nil || d.worker != worker {
		return nil
	}
	delete(r.dials, id)
	if w := r.workers[d.worker]; w != nil {
		w.dials--
	}
	return d
}
