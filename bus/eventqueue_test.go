package bus

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// source makes bundles of numbered events, as an uplink's reader does.
type source struct {
	random *rand.Rand
	bodies slabWriter
	next   uint64 // number of the next event
	rare   int    // one of that many bundles is a lone event with an attachment
}

func (s *source) body(size int) []byte {
	body := make([]byte, 8+size)
	binary.BigEndian.PutUint64(body, s.next)
	s.next++
	return body
}

func (s *source) bundle() bundle {
	b := bundle{topic: "topic", from: "from"}
	if s.random.IntN(4) == 0 {
		b.gap = s.random.Uint64N(5)
		s.next += b.gap
	}
	if s.random.IntN(s.rare) == 0 {
		b.count, b.lone = 1, &lone{body: s.body(0), attached: [][]byte{make([]byte, s.random.IntN(3<<20))}}
		b.size = b.first()
		return b
	}
	size := s.random.IntN(40)
	s.bodies.begin(&b, make([]byte, 8+size))
	for range 1 + s.random.IntN(maxBundle) {
		body := s.body(size)
		if !s.bodies.fits(body) {
			s.next--
			break
		}
		s.bodies.add(&b, body)
	}
	return b
}

// TestAQueueOfEventsKeepsToItsBoundsAndTellsWhatItLost: however events come in
// bundles and are taken out, every one is heard in order or counted in the gap
// before the next.
func TestAQueueOfEventsKeepsToItsBoundsAndTellsWhatItLost(t *testing.T) {
	s := &source{random: rand.New(rand.NewPCG(5, 6))}
	q := &eventQueue{wake: make(chan struct{}, 1)}
	expected, lost, full := uint64(0), uint64(0), [2]bool{}
	kept := map[uint64][]byte{} // of some events that were not lent
	hear := func(ev Event) error {
		lost += ev.Gap
		expected += ev.Gap
		require.Equal(t, expected, binary.BigEndian.Uint64(ev.body))
		require.Equal(t, "topic", ev.Topic)
		expected++
		return nil
	}
	drain := func(most int) {
		for range most {
			if s.random.IntN(200) > 0 {
				if ok, _, _ := q.lend(hear); !ok {
					return
				}
				continue
			}
			ev, ok, _ := q.pop()
			if !ok {
				return
			}
			require.NoError(t, hear(ev))
			kept[expected-1] = ev.body
		}
	}
	for round := range 3000 {
		s.rare = 2 + round/500%2*30
		b := s.bundle()
		pending := b.size
		q.push(b)
		full[0] = full[0] || q.events > subscriptionMessages-2*maxBundle
		full[1] = full[1] || q.bytes > subscriptionBytes-(8<<20)
		require.LessOrEqual(t, q.events+maxBundle, subscriptionMessages)
		if pending < slabBytes {
			require.LessOrEqual(t, q.bytes+slabBytes, subscriptionBytes)
		}
		if round%500 > 300 {
			drain(4000)
		}
		if round%32 > 0 {
			continue
		}
		count, size := 0, 0 // of what is queued
		for i := range q.queue {
			rest := q.queue[i]
			for rest.count > 0 {
				size += rest.first()
				count++
				rest.shift()
			}
		}
		require.Equal(t, count, q.events)
		require.Equal(t, size, q.bytes)
	}
	require.Equal(t, [2]bool{true, true}, full, "each bound was reached")
	drain(1 << 20)
	q.push(bundle{topic: "topic", count: 1, size: 8, lone: &lone{body: s.body(0)}})
	drain(1)
	require.Equal(t, s.next, expected, "the last event tells of all that was lost")
	require.NotZero(t, lost)
	require.NotEmpty(t, kept)
	for number, body := range kept {
		require.Equal(t, number, binary.BigEndian.Uint64(body), "what is to keep is not used again")
	}
}

func TestAnEventLargerThanTheBoundWaitsAlone(t *testing.T) {
	q := &eventQueue{wake: make(chan struct{}, 1)}
	large := bundle{count: 1, size: subscriptionBytes + 1, lone: &lone{}}
	q.push(large)
	q.push(bundle{count: 1, size: 1, lone: &lone{body: []byte{1}}})
	_, ok, _ := q.pop()
	require.True(t, ok)
	_, ok, _ = q.pop()
	require.False(t, ok)
	q.push(bundle{gap: 3, count: 1, size: 1, lone: &lone{body: []byte{2}}})
	ev, ok, _ := q.pop()
	require.True(t, ok)
	require.EqualValues(t, 4, ev.Gap)
}

// TestOneMayWaitWhileAnotherTakes: whoever only waits needs no lock of whoever
// takes, and does not wait while events are left that were taken at once.
func TestOneMayWaitWhileAnotherTakes(t *testing.T) {
	const events = subscriptionMessages - maxBundle // so that none is lost
	sub := &Subscription{events: eventQueue{wake: make(chan struct{}, 1)}}
	q := &sub.events
	var others sync.WaitGroup
	others.Go(func() {
		for i := range events {
			q.push(bundle{topic: "topic", count: 1, size: 1, lone: &lone{body: []byte{byte(i)}}})
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
	for heard := 0; heard < events; {
		<-told
		for range 3 { // and leaves the rest
			if _, ok := sub.TryNext(); ok {
				heard++
			}
		}
	}
	q.end()
	for range told {
	}
	others.Wait()
}
