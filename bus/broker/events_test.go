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
	near, far := link.Pipe()
	defer near.Close()
	defer far.Close()
	b := New(Config{})
	s := &subscription{port: &port{broker: b, link: link.New(near, true, link.Limits{QueueMessages: 1 << 20})}, prefixes: []string{""}}
	b.subs = []*subscription{s}
	for range 2000 {
		s.gap.Store(5)
		var publishers sync.WaitGroup
		begin := make(chan struct{})
		for range 8 {
			publishers.Go(func() {
				<-begin
				b.publish("topic", "somebody", 0, link.Message{emptyBody})
			})
		}
		close(begin)
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
