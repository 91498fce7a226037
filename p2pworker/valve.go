package p2pworker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/throttle"
)

const (
	// leasePatience bounds a request for a lease, leasePause follows one that failed:
	// without a manager nothing passes but what is urgent.
	leasePatience = 5 * time.Second
	leasePause    = 250 * time.Millisecond
	// urgentPatience bounds how long what is urgent waits to be counted.
	urgentPatience = 200 * time.Millisecond
	// maxOwed is how much a class may owe while the tip is waited for, in bytes.
	maxOwed = 1 << 20
	// leastUrgent is leased at once, so that each small message is not a call.
	leastUrgent = 4 << 10
)

// asksLease is the manager's method for leases.
type asksLease func(context.Context, p2p.LeaseTrafficRequest) (p2p.LeaseTrafficReply, error)

// valve is the gate of one connection: it passes what the manager leases, and no
// more than the connection's own rates. A reader and a writer use it. While nothing is
// limited it does nothing.
type valve struct {
	ctx   context.Context // of the connection, which close ends
	close context.CancelFunc
	id    int64
	ask   asksLease
	held  atomic.Int64 // when reading was last held up, Unix nanoseconds

	mu      sync.Mutex
	meter   p2p.Meter
	changed chan struct{} // closed and replaced with the meter
	purses  [p2p.Directions][p2p.TrafficClasses]int
	own     [p2p.Directions]*throttle.Own
	debts   [p2p.TrafficClasses]int // of what was received
	paced   [p2p.Directions]atomic.Bool
}

func newValve(ctx context.Context, id int64, m p2p.Meter, ask asksLease) *valve {
	v := &valve{id: id, ask: ask, changed: make(chan struct{})}
	v.ctx, v.close = context.WithCancel(ctx)
	v.set(m)
	return v
}

// set changes the limits. Leases of those before are void.
func (v *valve) set(m p2p.Meter) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if m.Epoch < v.meter.Epoch {
		return
	}
	for d := range p2p.Direction(p2p.Directions) {
		if m.Own[d] != v.meter.Own[d] {
			v.own[d] = throttle.NewOwn(time.Now(), m.Own[d])
		}
		v.paced[d].Store(m.Limits(d))
	}
	v.meter, v.purses = m, [p2p.Directions][p2p.TrafficClasses]int{}
	close(v.changed)
	v.changed = make(chan struct{})
}

// limits are those that are set.
func (v *valve) limits() p2p.Meter {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.meter
}

// Paced is a transport.Gate's.
func (v *valve) Paced(d p2p.Direction) bool { return v.paced[d].Load() }

// Closed is a transport.Gate's.
func (v *valve) Closed() <-chan struct{} { return v.ctx.Done() }

// Refund is a transport.Gate's.
func (v *valve) Refund(d p2p.Direction, c p2p.TrafficClass, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.leases(d, c) {
		v.purses[d][c] += n
	}
	v.own[d].Give(time.Now(), n)
}

// leases reports whether bytes need a lease. What is read has no class yet: Settle sees
// to that. The mutex is held.
func (v *valve) leases(d p2p.Direction, c p2p.TrafficClass) bool {
	return v.meter.Leased[d] || d == p2p.Up && v.meter.LimitsClass(d, c)
}

// pass is one attempt to let bytes through.
type pass struct {
	*valve
	d       p2p.Direction
	class   p2p.TrafficClass
	urgent  bool
	hurry   <-chan struct{}
	meter   p2p.Meter
	changed <-chan struct{}
	leased  bool
	own     *throttle.Own
}

func (v *valve) attempt(d p2p.Direction, c p2p.TrafficClass, urgent bool, hurry <-chan struct{}) *pass {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &pass{valve: v, d: d, class: c, urgent: urgent, hurry: hurry, meter: v.meter, changed: v.changed,
		leased: v.leases(d, c), own: v.own[d]}
}

// Admit is a transport.Gate's.
func (v *valve) Admit(d p2p.Direction, c p2p.TrafficClass, n int, urgent bool, hurry <-chan struct{}) int {
	p := v.attempt(d, c, urgent, hurry)
	if p.own != nil {
		n = min(n, p.own.Quantum()) // what is leased beyond would lie idle
	}
	if p.leased {
		n = p.spend(n)
	}
	if n > 0 && p.own != nil {
		n = p.spendOwn(n)
	}
	return n
}

// Settle is a transport.Gate's. What a message owes is paid when the next one of its
// class has come: others in between, as headers and blocks of the tip, do not wait for
// it, and while the peer owes us the tip nothing does.
func (v *valve) Settle(c p2p.TrafficClass, n int, urgent func() bool, hurry <-chan struct{}) {
	owed := v.owe(c, 0)
	for owed > 0 && v.ctx.Err() == nil && !(owed < maxOwed && urgent()) {
		got, _ := v.attempt(p2p.Down, c, false, hurry).lease(p2p.LeaseTrafficRequest{Bytes: owed, ClassOnly: true})
		owed = v.owe(c, -min(got, owed))
	}
	v.owe(c, n)
}

// owe changes what the messages of a class owe, and returns it: nothing without a limit.
func (v *valve) owe(c p2p.TrafficClass, n int) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.debts[c] += n
	if !v.meter.LimitsClass(p2p.Down, c) {
		v.debts[c] = 0
	}
	return v.debts[c]
}

// spend takes up to n bytes of the purse, which it fills by a lease if it is empty.
func (p *pass) spend(n int) int {
	if got := p.take(n); got > 0 {
		return got
	}
	want := n
	if p.urgent {
		want = max(n, leastUrgent)
	}
	got, away := p.lease(p2p.LeaseTrafficRequest{Bytes: want, Urgent: p.urgent})
	if away && p.urgent {
		return n
	}
	p.mu.Lock()
	if p.valve.meter.Epoch == p.meter.Epoch {
		p.purses[p.d][p.class] += got
	}
	p.mu.Unlock()
	return p.take(n)
}

func (p *pass) take(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	purse := &p.purses[p.d][p.class]
	n = min(n, *purse)
	*purse -= n
	return n
}

// lease asks the manager and waits until its lease is due. away tells that there is
// no manager to ask.
func (p *pass) lease(req p2p.LeaseTrafficRequest) (got int, away bool) {
	req.Peer, req.Direction, req.Class = p.id, p.d, p.class
	patience := leasePatience
	if p.urgent {
		patience = urgentPatience
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	reply, err := p.ask(ctx, req)
	if err != nil {
		if !p.urgent {
			p.wait(leasePause)
		}
		return 0, true
	}
	pause := time.Duration(reply.WaitMicros) * time.Microsecond
	if reply.Bytes <= 0 && pause <= 0 {
		pause = leasePause // the manager does not know us, or no such limit
	}
	p.wait(pause)
	return max(reply.Bytes, 0), false
}

// spendOwn waits for the connection's own rate, if what is urgent has overdrawn it too
// much already also with that. Who is woken before gives back what was taken for it.
func (p *pass) spendOwn(n int) int {
	p.mu.Lock()
	wait := p.own.Take(time.Now(), n, p.urgent)
	p.mu.Unlock()
	if p.wait(wait) {
		return n
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.own.Give(time.Now(), n)
	if p.leased && p.valve.meter.Epoch == p.meter.Epoch {
		p.purses[p.d][p.class] += n
	}
	return 0
}

// wait pauses, until the limits change, something is in a hurry, or the connection
// ends: it returns false for those.
func (p *pass) wait(pause time.Duration) bool {
	if pause <= 0 {
		return true
	}
	if p.d == p2p.Down {
		p.held.Store(time.Now().Add(pause).UnixNano())
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.changed:
	case <-p.hurry:
	case <-p.ctx.Done():
	}
	return false
}

// heldUp reports whether reading was held up lately: what the peer sends is late for
// our sake then.
func (v *valve) heldUp() bool {
	held := v.held.Load()
	return held > 0 && time.Since(time.Unix(0, held)) < heldFor
}

// heldFor is how long a held-up reader excuses its peer: others may have had their
// turn for so long.
const heldFor = 5 * time.Second

// leaseTraffic asks the manager for the bytes of a connection.
func (w *worker) leaseTraffic(ctx context.Context, req p2p.LeaseTrafficRequest) (p2p.LeaseTrafficReply, error) {
	return msg.LeaseTraffic.Call(ctx, w.conn, req)
}
