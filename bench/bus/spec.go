package main

import "time"

// Roles of processes.
const (
	roleBroker     = "broker"
	roleServer     = "server"
	roleClient     = "client"
	rolePublisher  = "publisher"
	roleSubscriber = "subscriber"
	roleLinks      = "links"
)

// Sizes of bodies.
const (
	smallBody = 200
	largeBody = 1 << 20
)

// spec tells a process what to be. It travels as JSON in its arguments.
type spec struct {
	System     string
	Role       string
	Dir        string // of the sockets
	Index      int    // of a subscriber
	Listeners  int    // how many subscribers the publisher waits for
	QueueBytes int    // bound of the broker's queue for a link; 0 for its default
	FloodBytes int    // size of an event of a flood
	CPUProfile string // file; empty for none
	MemProfile string
}

// command is what the program asks of a process.
type command struct {
	Do         string // one of the do constants
	Load       load
	Duration   time.Duration // of publishing
	Rate       int           // events per second of a flood; 0 for as fast as possible
	Count      int           // of links, or of events to fan out
	FreeMemory bool          // give memory back to the system before measuring it
	ResetPeak  bool          // forget the peak of the resident memory afterwards
}

// What a command can ask.
const (
	doUsage   = "usage"   // any process: answers usage
	doLoad    = "load"    // client: answers timing
	doGather  = "gather"  // publisher: waits until all subscribers hear it
	doPublish = "publish" // publisher: answers published
	doFlood   = "flood"   // publisher: answers published
	doCount   = "count"   // subscriber: answers heard
	doOpen    = "open"    // links: opens Count links
	doFan     = "fan"     // links: answers the nanoseconds of each of Count events
)

// load is a closed loop of calls.
type load struct {
	InFlight int
	Large    bool // bodies of largeBody, carried as attachments where there are such
	Duration time.Duration
}

func (l load) bytes() int {
	if l.Large {
		return largeBody
	}
	return smallBody
}
