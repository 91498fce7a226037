package feed

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Changes that come one after the other are published at once and then now and
// then, and the last of them is published though nothing comes after it.
func TestPacerPublishesNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := 0
		var published []int
		p := newPacer(tipInterval, func() bool { published = append(published, state); return false })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.run(ctx) }()
		for state = range 1000 {
			p.changed(true)
			pass(time.Millisecond)
		}
		pass(2 * tipInterval)
		require.Equal(t, 0, published[0])
		require.Equal(t, 999, published[len(published)-1])
		require.IsIncreasing(t, published)
		require.InDelta(t, float64(time.Second/tipInterval), float64(len(published)), 2)

		pass(time.Minute)
		state = 1000
		p.changed(true)
		require.Equal(t, 1000, published[len(published)-1], "at once after a pause")
		state = 1001
		p.changed(false)
		require.Equal(t, 1001, published[len(published)-1], "at once if it cannot wait")
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

// pass lets time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
