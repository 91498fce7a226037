package throttle

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// limit is a rate in bytes a second and its bucket. spare is what all connections
// together may overdraw for what is urgent, calm what they may because they are quiet.
type limit struct {
	rate                int64
	bucket, spare, calm *Bucket
}

func newLimit(now time.Time, bytes int64) limit {
	if bytes <= 0 {
		return limit{}
	}
	spare := min(max(bytes*spareSeconds, urgentBurst), spareBurst)
	return limit{bytes, NewBucket(now, bytes), newAllowance(bytes/spareShare, int(spare)), newAllowance(bytes/calmShare, int(bytes/calmShare))}
}

// limits are those of one scope by direction.
type limits [p2p.Directions]limit

func (l *limits) set(now time.Time, r p2p.Rates) {
	for d, bytes := range r {
		if l[d].rate != bytes {
			l[d] = newLimit(now, bytes)
		}
	}
}

func (l *limits) rates() (r p2p.Rates) {
	for d := range l {
		r[d] = l[d].rate
	}
	return r
}

// Ledger is the state of all limits. See the package comment.
type Ledger struct {
	total    limits
	classes  [p2p.TrafficClasses]limits
	profiles map[string]*limits
	accounts map[int64]*account
}

// New returns a Ledger without limits.
func New() *Ledger {
	return &Ledger{profiles: map[string]*limits{}, accounts: map[int64]*account{}}
}

// account is what is kept about one connection.
type account struct {
	// profile is that of its listener, exempt that the limits of all traffic and of
	// classes are not its own.
	profile string
	exempt  bool
	own     p2p.Rates
	due     [p2p.Directions]time.Time // of its last lease
	urgent  [p2p.Directions]*Bucket
	quiet   [p2p.Directions]*Bucket
}

// What a connection may overdraw; see the package comment.
const (
	urgentBurst  = 4_000_000
	urgentShare  = 4
	spareBurst   = 4 * urgentBurst
	spareSeconds = 60
	spareShare   = 2
	calmShare    = 4
	quietBurst   = 16 << 10
	quietRate    = 4 << 10
	quietStep    = 4 << 10 // of the leases that come of it
)

// SetTotal limits all traffic.
func (l *Ledger) SetTotal(now time.Time, r p2p.Rates) {
	l.total.set(now, r)
	l.forgetLeases(now)
}

// SetClass limits the messages of a class.
func (l *Ledger) SetClass(now time.Time, c p2p.TrafficClass, r p2p.Rates) {
	l.classes[c].set(now, r)
	l.forgetLeases(now)
}

// SetProfile limits the connections of a listening profile together.
func (l *Ledger) SetProfile(now time.Time, name string, r p2p.Rates) {
	if l.profiles[name] == nil {
		l.profiles[name] = &limits{}
	}
	l.profiles[name].set(now, r)
	l.forgetLeases(now)
}

// SetPeer limits one connection, for its worker to keep. It reports whether there is
// one.
func (l *Ledger) SetPeer(id int64, r p2p.Rates) bool {
	a := l.accounts[id]
	if a != nil {
		a.own = r
	}
	return a != nil
}

// forgetLeases lets all ask anew: the pauses of the leases they have are those of
// rates that have changed. What they have overdrawn stays counted.
func (l *Ledger) forgetLeases(now time.Time) {
	for _, a := range l.accounts {
		a.due = [p2p.Directions]time.Time{}
		for d, urgent := range a.urgent {
			if urgent != nil {
				urgent.setRate(now, l.urgentRate(a, p2p.Direction(d)))
			}
		}
	}
}

// Total, Class, Profile and Peer tell what is set.
func (l *Ledger) Total() p2p.Rates { return l.total.rates() }

// Class tells the rates of a class.
func (l *Ledger) Class(c p2p.TrafficClass) p2p.Rates { return l.classes[c].rates() }

// Profile tells the rates of a profile.
func (l *Ledger) Profile(name string) (r p2p.Rates) {
	if p := l.profiles[name]; p != nil {
		r = p.rates()
	}
	return r
}

// Peer tells the own rates of a connection.
func (l *Ledger) Peer(id int64) (r p2p.Rates) {
	if a := l.accounts[id]; a != nil {
		r = a.own
	}
	return r
}

// Open notes a connection. One that is exempt has the limits of its profile and its
// own alone.
func (l *Ledger) Open(id int64, profile string, exempt bool) {
	l.accounts[id] = &account{profile: profile, exempt: exempt}
}

// Close forgets it.
func (l *Ledger) Close(id int64) { delete(l.accounts, id) }

// Meter says how a connection is limited now, but for the epoch.
func (l *Ledger) Meter(id int64) (m p2p.Meter) {
	a := l.accounts[id]
	if a == nil {
		return m
	}
	m.Own = a.own
	for d := range p2p.Direction(p2p.Directions) {
		m.Leased[d] = !a.exempt && l.total[d].rate > 0 || l.Profile(a.profile)[d] > 0
		for c := range p2p.TrafficClass(p2p.TrafficClasses) {
			if !a.exempt && l.classes[c][d].rate > 0 {
				m.Classes[d] |= 1 << c
			}
		}
	}
	return m
}

// Lease grants bytes of a connection. What is asked may be anything: it comes from a
// worker.
func (l *Ledger) Lease(now time.Time, r p2p.LeaseTrafficRequest) p2p.LeaseTrafficReply {
	a := l.accounts[r.Peer]
	if a == nil || r.Direction >= p2p.Directions || r.Class >= p2p.TrafficClasses || r.Bytes <= 0 {
		return p2p.LeaseTrafficReply{}
	}
	limits := l.apply(a, r)
	n := min(r.Bytes, most)
	for _, limit := range limits {
		n = min(n, limit.bucket.Quantum())
	}
	atOnce := false
	if r.Urgent {
		if urgent := min(r.Bytes, urgentBurst); l.mayOverdraw(now, a, r.Direction, limits, urgent) {
			n, atOnce = urgent, true
		}
	}
	if pause := a.due[r.Direction].Sub(now); pause > 0 && !atOnce {
		return p2p.LeaseTrafficReply{WaitMicros: pause.Microseconds() + 1}
	}
	if small := min(n, quietStep); !atOnce && spared(r) && calm(now, a, r.Direction, limits, small) {
		n, atOnce = small, true
	}
	var wait time.Duration
	for _, limit := range limits {
		wait = max(wait, limit.bucket.Take(now, n))
	}
	if atOnce {
		return p2p.LeaseTrafficReply{Bytes: n}
	}
	a.due[r.Direction] = now.Add(wait)
	return p2p.LeaseTrafficReply{Bytes: n, WaitMicros: wait.Microseconds()}
}

// spared tells what a quiet connection moves from what comes with every new one, and
// from what has moved already.
func spared(r p2p.LeaseTrafficRequest) bool { return !r.ClassOnly && r.Class != p2p.HandshakeTraffic }

// apply lists all limits on some bytes: each is kept, also by what does not wait.
func (l *Ledger) apply(a *account, r p2p.LeaseTrafficRequest) (list []limit) {
	add := func(of *limits) {
		if of[r.Direction].bucket != nil {
			list = append(list, of[r.Direction])
		}
	}
	if !a.exempt {
		add(&l.classes[r.Class])
	}
	if r.ClassOnly {
		return list
	}
	if !a.exempt {
		add(&l.total)
	}
	if p := l.profiles[a.profile]; p != nil {
		add(p)
	}
	return list
}

// mayOverdraw reports whether some bytes may pass that are not there, and counts them.
func (l *Ledger) mayOverdraw(now time.Time, a *account, d p2p.Direction, limits []limit, n int) bool {
	buckets := []*Bucket{l.urgent(a, d)}
	for _, limit := range limits {
		buckets = append(buckets, limit.spare)
	}
	return takeFromAll(now, n, buckets)
}

// calm reports the same of some bytes of a connection that may be quiet.
func calm(now time.Time, a *account, d p2p.Direction, limits []limit, n int) bool {
	buckets := []*Bucket{a.quietBucket(d)}
	for _, limit := range limits {
		buckets = append(buckets, limit.calm)
	}
	return takeFromAll(now, n, buckets)
}

// urgent is what a connection may overdraw for what is urgent.
func (l *Ledger) urgent(a *account, d p2p.Direction) *Bucket {
	if a.urgent[d] == nil {
		a.urgent[d] = newAllowance(l.urgentRate(a, d), urgentBurst)
	}
	return a.urgent[d]
}

// urgentRate is how fast that comes back, in bytes a second.
func (l *Ledger) urgentRate(a *account, d p2p.Direction) int64 {
	return max(quietRate, l.total[d].rate/urgentShare, l.Profile(a.profile)[d]/urgentShare)
}

func (a *account) quietBucket(d p2p.Direction) *Bucket {
	if a.quiet[d] == nil {
		a.quiet[d] = newAllowance(quietRate, quietBurst)
	}
	return a.quiet[d]
}
