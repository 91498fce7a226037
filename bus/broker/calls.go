package broker

import (
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/internal/slots"
)

// pending is a call that waits for its reply.
type pending struct {
	caller   *attachment
	callerID uint64
	method   *method
	start    int64 // nanoseconds since the Unix epoch
	trace    uint64
	stream   bool
	credit   uint64 // items that the server may still send
}

// calledAt is where a call went.
type calledAt struct {
	callee *attachment
	id     uint64
}

// pendingCalls holds the calls that a link serves and those that it makes.
type pendingCalls struct {
	mu     sync.Mutex
	closed bool
	limit  int // of served
	served slots.Table[pending]
	byRole []int               // how many of served each role has made, by rank
	made   map[uint64]calledAt // by the caller's id
}

// maxMade bounds the calls that one link may wait for.
const maxMade = 8192

func newPendingCalls(limit, roles int) pendingCalls {
	return pendingCalls{limit: limit, byRole: make([]int, roles), made: map[uint64]calledAt{}}
}

// admit enters a call to this link and returns the id it has there. It
// reports false if there are too many, or too many of the caller's role, or,
// with closed, if the link has ended.
func (l *pendingCalls) admit(call pending) (id uint64, ok, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rank := call.caller.rank
	switch {
	case l.closed:
		return 0, false, true
	case l.byRole[rank] >= call.caller.share:
		return 0, false, false
	}
	if id, ok = l.served.Put(call, l.limit); ok {
		l.byRole[rank]++
	}
	return id, ok, false
}

// take removes a call.
func (l *pendingCalls) take(id uint64) (pending, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	call, ok := l.served.Take(id)
	if ok {
		l.byRole[call.caller.rank]--
	}
	return call, ok
}

// has reports whether a call waits here.
func (l *pendingCalls) has(id uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.served.Get(id) != nil
}

// spend takes one credit of a stream and returns its call. It reports over if
// there was none left.
func (l *pendingCalls) spend(id uint64) (call pending, ok, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.served.Get(id)
	if c == nil {
		return pending{}, false, false
	}
	if c.credit == 0 {
		return *c, false, true
	}
	c.credit--
	return *c, true, false
}

// maxCredit bounds what a stream's server may send unasked.
const maxCredit = 1 << 20

// grant adds credit to a stream and returns how much it was: none if there is
// no such stream, or it has as much as it may have.
func (l *pendingCalls) grant(id, credit uint64) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.served.Get(id)
	if c == nil || !c.stream {
		return 0
	}
	credit = min(credit, maxCredit-c.credit)
	c.credit += credit
	return credit
}

// remember enters a call that this link made. It reports false if the id is
// in use or the link has ended, and full if there are too many.
func (l *pendingCalls) remember(id uint64, at calledAt) (ok, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, used := l.made[id]; used || l.closed {
		return false, false
	}
	if len(l.made) >= maxMade {
		return false, true
	}
	l.made[id] = at
	return true, false
}

func (l *pendingCalls) forget(id uint64) (calledAt, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.made[id]
	delete(l.made, id)
	return at, ok
}

// release is forget of a call that went there. A caller may have given its id
// to another call meanwhile.
func (l *pendingCalls) release(id uint64, at calledAt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made[id] == at {
		delete(l.made, id)
	}
}

func (l *pendingCalls) lookup(id uint64) (calledAt, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.made[id]
	return at, ok
}

// aborted is a call whose server has ended, with the id it had there.
type aborted struct {
	pending
	id uint64
}

// close ends the pendingCalls and returns what was open.
func (l *pendingCalls) close() (served []aborted, made map[uint64]calledAt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.served.All(func(id uint64, call *pending) { served = append(served, aborted{*call, id}) })
	made = l.made
	l.served, l.made = slots.Table[pending]{}, nil
	return served, made
}

func (l *pendingCalls) depth() (served, made int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.served.Len(), len(l.made)
}
