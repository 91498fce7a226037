package bus

import (
	"runtime"
	"sync"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/internal/events"
)

// TestOneMayWaitWhileAnotherTakes: whoever only waits needs no lock of whoever
// takes, and does not wait while events are left that were taken at once.
func TestOneMayWaitWhileAnotherTakes(t *testing.T) {
	const published = 16000 // so that none is lost
	sub := &Subscription{events: events.New()}
	q := sub.events
	var others sync.WaitGroup
	others.Go(func() {
		for i := range published {
			b := events.NewBatch("topic", "", 0)
			b.Set([]byte{byte(i)}, nil)
			q.Push(b)
			if i%100 == 0 {
				runtime.Gosched()
			}
		}
	})
	told := make(chan struct{})
	others.Go(func() {
		defer close(told)
		for sub.Wait(t.Context()) == nil {
			told <- struct{}{}
		}
	})
	for heard := 0; heard < published; {
		<-told
		for range 3 { // and leaves the rest
			if _, ok := sub.TryNext(); ok {
				heard++
			}
		}
	}
	q.End()
	for range told {
	}
	others.Wait()
}
