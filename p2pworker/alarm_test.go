package p2pworker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/clock"
)

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
		a.set(time.Now().Add(time.Hour), true)
		a.set(time.Now().Add(time.Minute), true)
		require.Equal(t, time.Minute, after(a))
		a.set(time.Now(), true)
		require.Equal(t, tickInterval, after(a), "not at once again")
		a.set(time.Now().Add(time.Second), true)
		a.set(time.Time{}, false)
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
		changed := a.set(time.Unix(1060, 0), true)
		select {
		case <-a.timer.C:
			require.Fail(t, "the clock stands still")
		case <-time.After(time.Hour):
		}
		c.SetMock(1060)
		<-changed
		a.set(time.Unix(1060, 0), true)
		require.Zero(t, after(a))
	})
}
