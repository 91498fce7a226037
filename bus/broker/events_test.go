package broker

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// TestAGapIsToldOnceByConcurrentPublishers: what was lost is told with one
// event, whoever publishes it.
func TestAGapIsToldOnceByConcurrentPublishers(t *testing.T) {
	s := &subscription{port: &port{}}
	for range 2000 {
		s.gap.Store(5)
		var publishers sync.WaitGroup
		var mu sync.Mutex
		told := uint64(0)
		begin := make(chan struct{})
		for range 8 {
			publishers.Go(func() {
				<-begin
				err := s.offer(&codec.Header{}, func(h *codec.Header) (bool, error) {
					mu.Lock()
					defer mu.Unlock()
					told += h.Gap
					return false, nil
				})
				require.NoError(t, err)
			})
		}
		close(begin)
		publishers.Wait()
		require.EqualValues(t, 5, told)
		require.Zero(t, s.gap.Load())
	}
}

func TestAnEventThatFindsNoRoomIsAddedToTheGap(t *testing.T) {
	s := &subscription{port: &port{}}
	for range 4 {
		require.NoError(t, s.offer(&codec.Header{}, func(*codec.Header) (bool, error) { return false, link.ErrFull }))
	}
	require.EqualValues(t, 4, s.gap.Load())
	require.EqualValues(t, 4, s.port.drops.Load())
}
