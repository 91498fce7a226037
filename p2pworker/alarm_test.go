package p2pworker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/clock"
)

// sleeping is to be woken at its times, but for zero ones.
type sleeping struct{ due, retry time.Time }

func (s sleeping) Due() (time.Time, bool)   { return s.due, !s.due.IsZero() }
func (s sleeping) Retry() (time.Time, bool) { return s.retry, !s.retry.IsZero() }

// after waits for the alarm and returns how long that took.
func after(a *alarm) time.Duration {
	began := time.Now()
	<-a.timer.C
	a.rang()
	return time.Since(began)
}

func TestAnAlarmRingsWhenSomethingIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAlarm(clock.New(0))
		defer a.stop()
		a.set(sleeping{due: time.Now().Add(time.Hour)})
		a.set(sleeping{due: time.Now().Add(time.Minute)})
		require.Equal(t, time.Minute, after(a))
		a.set(sleeping{due: time.Now()})
		require.Equal(t, tickInterval, after(a), "not at once again")
		a.set(sleeping{due: time.Now().Add(time.Second)})
		a.set(sleeping{})
		select {
		case <-a.timer.C:
			require.Fail(t, "nothing is due")
		case <-time.After(time.Hour):
		}
	})
}

func TestAnAlarmFollowsAFrozenClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New(1000)
		a := newAlarm(c)
		defer a.stop()
		changed := a.set(sleeping{due: time.Unix(1060, 0)})
		select {
		case <-a.timer.C:
			require.Fail(t, "the clock stands still")
		case <-time.After(time.Hour):
		}
		c.SetMock(1060)
		<-changed
		a.set(sleeping{due: time.Unix(1060, 0)})
		require.Zero(t, after(a))
	})
}

// What waits for the node goes on while the clock stands still.
func TestAnAlarmRingsOnRealTimeToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAlarm(clock.New(1000))
		defer a.stop()
		a.set(sleeping{due: time.Unix(1060, 0), retry: time.Now().Add(time.Second)})
		require.Equal(t, time.Second, after(a))

		a = newAlarm(clock.New(0))
		defer a.stop()
		a.set(sleeping{due: time.Now().Add(time.Minute), retry: time.Now().Add(time.Second)})
		require.Equal(t, time.Second, after(a))
		a = newAlarm(clock.New(0))
		defer a.stop()
		a.set(sleeping{due: time.Now().Add(time.Second), retry: time.Now().Add(time.Minute)})
		require.Equal(t, time.Second, after(a))
	})
}
