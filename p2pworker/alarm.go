package p2pworker

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
)

// alarm wakes a session when it has something to do, by the part's clock or by real
// time.
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

// set has the timer ring when a session says, and not sooner than it may be woken
// again. The channel it returns is closed when the clock is set: then any time may be
// over.
func (a *alarm) set(s sleeper) (changed <-chan struct{}) {
	changed = a.clock.Changed() // before the clock is read
	wait, ok := a.wait(s)
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

// sleeper tells when it is to be woken: by the part's clock, and by real time.
type sleeper interface {
	Due() (at time.Time, ok bool)
	Retry() (at time.Time, ok bool)
}

func (a *alarm) wait(s sleeper) (wait time.Duration, ok bool) {
	if at, due := s.Due(); due {
		wait, ok = a.clock.Until(at)
	}
	if at, due := s.Retry(); due {
		if soon := max(time.Until(at), 0); !ok || soon < wait {
			wait, ok = soon, true
		}
	}
	return wait, ok
}

// rang notes that the session was woken.
func (a *alarm) rang() { a.last = time.Now() }
