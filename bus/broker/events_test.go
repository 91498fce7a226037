package broker

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/link"
)

// TestAGapIsToldOnceByConcurrentPublishers: what was lost is told with one
// event, whoever publishes it.
func TestAGapIsToldOnceByConcurrentPublishers(t *testing.T) {
	for range 50 {
		b := New(Config{})
		near, far := link.Pipe()
		defer near.Close()
		defer far.Close()
		s := &subscription{port: &port{broker: b, link: link.New(near, true, link.Limits{})}, prefixes: []string{""}}
		s.gap.Store(5)
		b.subs = []*subscription{s}
		var publishers sync.WaitGroup
		for range 8 {
			publishers.Go(func() {
				for range 20 {
					b.publish("topic", "somebody", 0, link.Message{emptyBody})
				}
			})
		}
		publishers.Wait()
		require.Zero(t, s.gap.Load())
	}
}

func TestAnEventThatFindsNoRoomIsAddedToTheGap(t *testing.T) {
	b := New(Config{})
	near, far := link.Pipe()
	defer near.Close()
	defer far.Close()
	s := &subscription{port: &port{broker: b, link: link.New(near, true, link.Limits{QueueMessages: 1})}, prefixes: []string{""}}
	b.subs = []*subscription{s}
	for range 4 {
		b.publish("topic", "somebody", 0, link.Message{emptyBody})
	}
	require.EqualValues(t, 3, s.gap.Load())
	require.EqualValues(t, 3, s.port.drops.Load())
}
