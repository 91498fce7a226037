package broker

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/link"
)

// TestAGapIsToldOnceByConcurrentPublishers: what was lost is told with one
// event, whoever publishes it.
func TestAGapIsToldOnceByConcurrentPublishers(t *testing.T) {
	s := &subscription{attachment: &attachment{}}
	for range 2000 {
		s.gap.Store(5)
		var publishers sync.WaitGroup
		var told atomic.Uint64
		begin := make(chan struct{})
		for range 8 {
			publishers.Go(func() {
				<-begin
				gap := s.takeGap()
				told.Add(gap)
				s.sent(gap, nil)
			})
		}
		close(begin)
		publishers.Wait()
		require.EqualValues(t, 5, told.Load())
		require.Zero(t, s.gap.Load())
	}
}

func TestAnEventThatFindsNoRoomIsAddedToTheGap(t *testing.T) {
	s := &subscription{attachment: &attachment{}}
	for range 4 {
		s.sent(s.takeGap(), link.ErrFull)
	}
	require.EqualValues(t, 4, s.gap.Load())
	require.EqualValues(t, 4, s.attachment.drops.Load())
}
