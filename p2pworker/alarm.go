package p2pworker

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
)

// alarm wakes a session when it has something to do by the part's clock.
type alarm struct {
	clock *clock.Clock
	timer *time.Timer
	last  time.Time // when it rang, on real time
}

func newAlarm(c *clock.Clock) *alarm {
	a := &alarm{clock: c, timer: time.NewTimer(0)}
	a.timer.Stop()
	return a
}

func (a *alarm) stop() { a.timer.Stop() }

// set has the timer ring at a time, if there is one, and not sooner than a session
// may be woken again. The channel it returns is closed when the clock is set: then
// any time may be over.
func (a *alarm) set(at time.Time, ok bool) (changed <-chan struct{}) {
	changed = a.clock.Changed() // before the clock is read
	var wait time.Duration
	if ok {
		wait, ok = a.clock.Until(at)
	}
	if !ok {
		a.timer.Stop()
		return changed
	}
	if pause := tickInterval - time.Since(a.last); !a.last.IsZero() && wait < pause {
		wait = pause
	}
	a.timer.Reset(wait)
	return changed
}

// rang notes that the session was woken.
func (a *alarm) rang() { a.last = time.Now() }
