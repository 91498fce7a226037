package clock

import (
	"sync/atomic"
	"time"
)

// Clock is the time as one part sees it. Its methods may be called from any
// goroutine.
type Clock struct{ mock atomic.Int64 }

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
func (c *Clock) SetMock(seconds int64) { c.mock.Store(seconds) }

// Mock returns what SetMock was given last.
func (c *Clock) Mock() int64 { return c.mock.Load() }
