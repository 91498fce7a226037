package broker

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/link"
)

// Identity is who is at the other end of a link.
type Identity struct {
	Role     Role
	Instance string // unique, such as "worker.3"
}

// LinkStats describes one attached link.
type LinkStats struct {
	Identity
	link.Stats
	Since   time.Time
	Calls   uint64 // calls that this link made
	Served  uint64 // calls that were routed to it
	Drops   uint64 // events lost and calls refused because its queue was full
	Denials uint64
}
