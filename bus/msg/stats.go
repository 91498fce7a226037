package msg

import "github.com/bulkheadnode/bulkhead/bus"

// BusStats tells what passes over the bus. The broker itself answers.
var BusStats = bus.Method[bus.None, BusStatsReply]("bus.stats")

// BusStatsReply holds one entry a link and one a method, each sorted by name.
type BusStatsReply struct {
	Links   []LinkStats   `cbor:"1,keyasint"`
	Methods []MethodStats `cbor:"2,keyasint"`
}

// LinkStats describes one link since it was attached. In and out are as the
// broker sees them.
type LinkStats struct {
	Instance      string `cbor:"1,keyasint"`
	Role          string `cbor:"2,keyasint"`
	Since         int64  `cbor:"3,keyasint"` // Unix time
	MessagesIn    uint64 `cbor:"4,keyasint"`
	MessagesOut   uint64 `cbor:"5,keyasint"`
	BytesIn       uint64 `cbor:"6,keyasint"`
	BytesOut      uint64 `cbor:"7,keyasint"`
	QueueMessages int    `cbor:"8,keyasint"` // waiting to be written to it
	QueueBytes    int    `cbor:"9,keyasint"`
	SilentMillis  int64  `cbor:"10,keyasint"` // since it sent anything, pongs included
	Calls         uint64 `cbor:"11,keyasint"` // that it made
	Served        uint64 `cbor:"12,keyasint"` // that were routed to it
	Waiting       int    `cbor:"13,keyasint"` // of those, not yet answered
	Drops         uint64 `cbor:"14,keyasint"` // events lost and calls refused because its queue was full
	Denials       uint64 `cbor:"15,keyasint"`
	Refusals      uint64 `cbor:"16,keyasint"` // messages beyond the rates of its role
}

// LatencyBuckets is the number of buckets of a latency histogram.
const LatencyBuckets = 28

// MethodStats describes the calls of one method since the broker began.
type MethodStats struct {
	Method string `cbor:"1,keyasint"`
	Calls  uint64 `cbor:"2,keyasint"` // that are over
	Errors uint64 `cbor:"3,keyasint"` // of those, with an error
	Micros uint64 `cbor:"4,keyasint"` // time that the answered ones took at the broker, all together
	// Latency[i] counts answered calls that took less than 2^i microseconds and no less
	// than half of that; the last one all that took longer.
	Latency []uint64 `cbor:"5,keyasint"`
}
