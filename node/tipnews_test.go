package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// News that come one after the other are told at once and then now and then,
// and the last of them is told though nothing comes after it.
func TestNewsOfADownloadAreToldNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		news := tipNews{owed: make(chan struct{}, 1)}
		state := 0
		var told []int
		publish := func() { told = append(told, state) }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- news.run(ctx, publish) }()
		for state = range 1000 {
			news.tell(true, publish)
			pass(time.Millisecond)
		}
		pass(2 * tipInterval)
		require.Equal(t, 0, told[0])
		require.Equal(t, 999, told[len(told)-1])
		require.IsIncreasing(t, told)
		require.InDelta(t, float64(time.Second/tipInterval), float64(len(told)), 2)

		pass(time.Minute)
		state = 1000
		news.tell(true, publish)
		require.Equal(t, 1000, told[len(told)-1], "at once after a pause")
		state = 1001
		news.tell(false, publish)
		require.Equal(t, 1001, told[len(told)-1], "at once out of a download")
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

// pass lets time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
