package broker

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// Identity is who is at the other end of a link.
type Identity struct {
	Role     rights.Role
	Instance string // unique, such as "worker.3"
}

// LinkStats describes one attached link.
type LinkStats struct {
	Identity
	link.Stats
	Since   time.Time
	Calls   uint64 // calls that this link made
	Served  uint64 // calls that were routed to it
	Waiting int    // calls routed to it that it has not answered
	Drops   uint64 // events lost and calls refused because its queue was full
	Denials uint64
	// Refusals are messages beyond the rates of the role.
	Refusals uint64
}

func (p *attachment) stats() LinkStats {
	waiting, _ := p.calls.depth()
	return LinkStats{
		Identity: p.id, Stats: p.link.Stats(), Since: p.since,
		Calls: p.made.Load(), Served: p.served.Load(), Waiting: waiting,
		Drops: p.drops.Load(), Denials: p.denials.Load(), Refusals: p.refusals.Load(),
	}
}

// Buckets is the number of buckets of a latency histogram. Bucket i counts
// calls that took less than 2^i microseconds and no less than half of that;
// the last one all that took longer.
const Buckets = msg.LatencyBuckets

// MethodStats describes the calls of one method since the broker began.
type MethodStats = msg.MethodStats

// method counts the calls of one method.
type method struct {
	name string
	turn atomic.Uint64

	calls   atomic.Uint64 // that are over
	faults  atomic.Uint64 // of those, with an error
	micros  atomic.Uint64
	buckets [Buckets]atomic.Uint64
}

// end counts a call that was answered: kind is that of its error, if any.
func (m *method) end(kind bus.Kind, took time.Duration) {
	m.calls.Add(1)
	if kind != "" {
		m.faults.Add(1)
	}
	micros := uint64(max(took.Microseconds(), 0))
	m.micros.Add(micros)
	m.buckets[min(bits.Len64(micros), Buckets-1)].Add(1)
}

// fail counts a call that its server did not answer: it was refused,
// abandoned, or the server ended. Its time would say nothing.
func (m *method) fail() {
	m.calls.Add(1)
	m.faults.Add(1)
}

func (m *method) stats() MethodStats {
	s := MethodStats{Method: m.name, Calls: m.calls.Load(), Errors: m.faults.Load(), Micros: m.micros.Load()}
	s.Latency = make([]uint64, Buckets)
	for i := range m.buckets {
		s.Latency[i] = m.buckets[i].Load()
	}
	return s
}

func (p *attachment) answerStats(id uint64) error {
	var reply msg.BusStatsReply
	for _, s := range p.broker.Stats() {
		reply.Links = append(reply.Links, msg.LinkStats{
			Instance: s.Instance, Role: string(s.Role), Since: s.Since.Unix(),
			MessagesIn: s.MessagesIn, MessagesOut: s.MessagesOut, BytesIn: s.BytesIn, BytesOut: s.BytesOut,
			QueueMessages: s.QueueMessages, QueueBytes: s.QueueBytes, SilentMillis: s.Silence.Milliseconds(),
			Calls: s.Calls, Served: s.Served, Waiting: s.Waiting, Drops: s.Drops, Denials: s.Denials, Refusals: s.Refusals,
		})
	}
	reply.Methods = p.broker.Methods()
	p.answerWith(id, reply)
	return nil
}
