package transport

import (
	"sync/atomic"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// traffic counts the bytes of one direction. Writers and readers need no lock.
type traffic struct {
	// total are the bytes on the wire, those of handshakes and of messages that are
	// under way included.
	total   atomic.Uint64
	last    atomic.Int64 // unix nanoseconds
	perType [otherIndex + 1]atomic.Uint64
	// latest is what the last eight messages were, a byte each: 1 and the index of the
	// type, the last one lowest. One goroutine writes it.
	latest atomic.Uint64
}

// count adds a whole message of a type.
func (t *traffic) count(messageType string, n int) {
	i := indexOf(messageType)
	t.perType[i].Add(uint64(n))
	t.latest.Store(t.latest.Load()<<8 | uint64(i+1))
}

// lastTypes returns what the last messages were, the last one first.
func (t *traffic) lastTypes() (names []string) {
	for latest := t.latest.Load(); latest != 0; latest >>= 8 {
		names = append(names, nameOf(int(latest&0xff)-1))
	}
	return names
}

func nameOf(index int) string {
	if index < otherIndex {
		return knownTypes[index]
	}
	return Other
}

// snapshot returns the types with a count above zero.
func (t *traffic) snapshot() map[string]uint64 {
	m := make(map[string]uint64)
	for i := range t.perType {
		n := t.perType[i].Load()
		if n == 0 {
			continue
		}
		m[nameOf(i)] = n
	}
	return m
}

// Stats is a snapshot of one connection's traffic. Bytes are those on the wire; per
// type, those of whole messages with their headers or packets.
type Stats struct {
	BytesSent, BytesReceived     uint64
	SentPerType, ReceivedPerType map[string]uint64
	// LastSend and LastReceive are unix nanoseconds by the Conn's clock, 0 for never.
	LastSend, LastReceive int64
	// LastSent and LastReceived are the types of the last messages, the last one first.
	LastSent, LastReceived []string
	// Queued is the number of payload bytes waiting to be written.
	Queued int
}

// stampingReader counts what comes from the network, and notes when. At a gate it
// reads no more than may pass.
type stampingReader struct{ c *Conn }

func (r stampingReader) Read(p []byte) (got int, err error) {
	p = p[:min(len(p), maxStep)]
	if r.c.paced(p2p.Down) {
		n, err := r.c.admit(p2p.Down, passing{first: r.c.readsFirst.Load()}, len(p), r.c.readHurry)
		if err != nil {
			return 0, err
		}
		p = p[:n]
		defer func() { r.c.cfg.Gate.Refund(p2p.Down, p2p.OtherTraffic, len(p)-got) }()
	}
	got, err = r.c.nc.Read(p)
	r.c.stamp(&r.c.received, got)
	return got, err
}

// stampingWriter does so with what goes there.
type stampingWriter struct{ c *Conn }

func (w stampingWriter) Write(p []byte) (written int, err error) {
	for written < len(p) && err == nil {
		var n int
		n, err = w.c.writeStep(p[written:])
		written += n
	}
	return written, err
}

// writeStep writes as much as may pass by now.
func (c *Conn) writeStep(p []byte) (n int, err error) {
	p = p[:min(len(p), maxStep)]
	if c.paced(p2p.Up) {
		what := c.passing
		what.first = what.first || c.hurried()
		if n, err = c.admit(p2p.Up, what, len(p), c.hurry); err != nil {
			return 0, err
		}
		p = p[:n]
	}
	n, err = c.nc.Write(p)
	c.stamp(&c.sent, n)
	return n, err
}

func (c *Conn) stamp(t *traffic, n int) {
	if n > 0 {
		t.total.Add(uint64(n))
		t.last.Store(c.cfg.Now().UnixNano())
	}
}
