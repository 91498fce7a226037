package transport

import "sync/atomic"

// counters holds bytes per message type. Writers and readers need no lock.
type counters struct {
	perType [otherIndex + 1]atomic.Uint64
	total   atomic.Uint64
}

func (c *counters) add(messageType string, n int) {
	c.perType[indexOf(messageType)].Add(uint64(n))
	c.total.Add(uint64(n))
}

// snapshot returns the types with a count above zero.
func (c *counters) snapshot() map[string]uint64 {
	m := make(map[string]uint64)
	for i := range c.perType {
		n := c.perType[i].Load()
		if n == 0 {
			continue
		}
		name := Other
		if i < otherIndex {
			name = knownTypes[i]
		}
		m[name] = n
	}
	return m
}

// Stats is a snapshot of one connection's traffic. Bytes include headers.
type Stats struct {
	BytesSent, BytesReceived     uint64
	SentPerType, ReceivedPerType map[string]uint64
	// LastSend and LastReceive are unix nanoseconds by the Conn's clock, 0 for never.
	LastSend, LastReceive int64
	// Queued is the number of payload bytes waiting to be written.
	Queued int
}
