package transport

import (
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Gate paces what passes over a Conn. Its methods may wait, but not beyond the end of
// the connection.
type Gate interface {
	// Paced reports whether bytes of a direction have to be admitted at all.
	Paced(d p2p.Direction) bool
	// Admit waits until some of n bytes may pass, and returns how many. What is
	// urgent does not wait. It returns 0 if there is something else to look at first:
	// hurry has fired or the limits have changed.
	Admit(d p2p.Direction, c p2p.TrafficClass, n int, urgent bool, hurry <-chan struct{}) int
	// Refund takes back what was admitted and did not pass.
	Refund(d p2p.Direction, c p2p.TrafficClass, n int)
	// Settle counts a message that was received against the limit of its class, and
	// waits until those before it count no more, unless what is read is urgent by now;
	// hurry is as for Admit.
	Settle(c p2p.TrafficClass, n int, urgent func() bool, hurry <-chan struct{})
	// Closed is closed at the end of the connection.
	Closed() <-chan struct{}
}

// maxStep is how much is read or written at a time at most, so that a limit which is
// set meanwhile acts soon. It is no less than what most messages take.
const maxStep = 256 << 10

// passing is what the gate is told of bytes: their class, and whether they are not to
// wait.
type passing struct {
	class p2p.TrafficClass
	first bool
}

// queued is a message that is to be written.
type queued struct {
	Message
	first bool
}

// ReadFirst says whether what the peer sends from now on is urgent.
func (c *Conn) ReadFirst(urgent bool) {
	if !c.readsFirst.Swap(urgent) && urgent {
		signal(c.readHurry)
	}
}

func (c *Conn) paced(d p2p.Direction) bool { return c.cfg.Gate != nil && c.cfg.Gate.Paced(d) }

func (c *Conn) admit(d p2p.Direction, what passing, n int, hurry <-chan struct{}) (int, error) {
	for c.paced(d) {
		if got := c.cfg.Gate.Admit(d, what.class, n, what.first, hurry); got > 0 {
			return got, nil
		}
		select {
		case <-c.cfg.Gate.Closed():
			return 0, ErrClosed
		default:
		}
		what.first = what.first || d == p2p.Up && c.hurried() || d == p2p.Down && c.readsFirst.Load()
	}
	return n, nil
}

// settle counts a message for its class, which is known only now.
func (c *Conn) settle(m Message) {
	if c.paced(p2p.Down) {
		c.cfg.Gate.Settle(p2p.TrafficClassOf(m.Type), m.Size, c.readsFirst.Load, c.readHurry)
	}
}

// hurried reports whether a message waits that is to overtake others: the one that is
// half written is finished at once then.
func (c *Conn) hurried() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.first) > 0
}

// shakingHands reports whether messages wait that nothing may overtake: a peer hangs up
// at whatever comes before a verack.
func (c *Conn) shakingHands() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.queue, func(m Message) bool { return p2p.TrafficClassOf(m.Type) == p2p.HandshakeTraffic })
}

// takeBatch takes what is to be written next: all there is, or at a gate one message.
// The mutex is held.
func (c *Conn) takeBatch() (batch []queued) {
	paced := c.paced(p2p.Up)
	for _, from := range []*[]Message{&c.first, &c.queue} {
		for len(*from) > 0 {
			batch = append(batch, queued{(*from)[0], from == &c.first})
			(*from)[0] = Message{}
			*from = (*from)[1:]
			if paced {
				return batch
			}
		}
		*from = nil
	}
	return batch
}

// flushPaced keeps bytes of one kind from passing as those of the next.
func (c *Conn) flushPaced(n int) error {
	if n == 0 || !c.paced(p2p.Up) {
		return nil
	}
	return c.writing.Flush()
}
