package clock

import (
	"sync"
	"sync/atomic"
	"time"
)

// Clock is the time as one part sees it. Its methods may be called from any
// goroutine.
type Clock struct {
	mock atomic.Int64

	mu      sync.Mutex
	changed chan struct{} // closed when mock is set; nil if nobody waits
}

// New returns a clock frozen at mock Unix seconds, or the real time if mock
// is zero.
func New(mock int64) *Clock {
	c := &Clock{}
	c.SetMock(mock)
	return c
}

// Now returns the current time.
func (c *Clock) Now() time.Time {
	if mock := c.mock.Load(); mock != 0 {
		return time.Unix(mock, 0)
	}
	return time.Now()
}

// SetMock freezes the clock at Unix seconds; zero thaws it.
func (c *Clock) SetMock(seconds int64) {
	c.mock.Store(seconds)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// Changed returns a channel that is closed by the next SetMock.
func (c *Clock) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// Until returns how long it takes on real time until the clock shows t, zero if it
// does already. A frozen clock never does: ok is false then.
func (c *Clock) Until(t time.Time) (wait time.Duration, ok bool) {
	if wait = t.Sub(c.Now()); wait <= 0 {
		return 0, true
	}
	return wait, c.Mock() == 0
}

// Mock returns what SetMock was given last.
func (c *Clock) Mock() int64 { return c.mock.Load() }
