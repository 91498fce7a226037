package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/clock"
)

func TestWhoeverWaitsHearsThatTheClockWasSet(t *testing.T) {
	c := clock.New(0)
	changed, too := c.Changed(), c.Changed()
	select {
	case <-changed:
		require.Fail(t, "changed before it was set")
	default:
	}
	c.SetMock(5)
	<-changed
	<-too
	next := c.Changed()
	c.SetMock(0)
	<-next
}

func TestUntilATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New(0)
		wait, ok := c.Until(time.Now().Add(time.Minute))
		require.True(t, ok)
		require.Equal(t, time.Minute, wait)
		wait, ok = c.Until(time.Now().Add(-time.Minute))
		require.True(t, ok)
		require.Zero(t, wait)

		c.SetMock(1000)
		_, ok = c.Until(time.Unix(1001, 0))
		require.False(t, ok, "a frozen clock never gets there")
		wait, ok = c.Until(time.Unix(1000, 0))
		require.True(t, ok)
		require.Zero(t, wait)
	})
}
