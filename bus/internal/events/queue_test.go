package events

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// source makes batches of numbered events, as an uplink's reader does.
type source struct {
	random *rand.Rand
	bodies Writer
	next   uint64 // number of the next event
	rare   int    // one of that many batches is a single event with an attachment
}

func (s *source) body(size int) []byte {
	body := make([]byte, 8+size)
	binary.BigEndian.PutUint64(body, s.next)
	s.next++
	return body
}

func (s *source) batch() Batch {
	b := NewBatch("topic", "from", 0)
	if s.random.IntN(4) == 0 {
		b.gap = s.random.Uint64N(5)
		s.next += b.gap
	}
	if s.random.IntN(s.rare) == 0 {
		b.Set(s.body(0), [][]byte{make([]byte, s.random.IntN(3<<20))})
		return b
	}
	size := s.random.IntN(40)
	for range 1 + s.random.IntN(maxBatch) {
		body := s.body(size)
		if b.Len() > 0 && !b.Room(&s.bodies, body) {
			s.next--
			break
		}
		b.Append(&s.bodies, body)
	}
	return b
}

// TestAQueueOfEventsKeepsToItsBoundsAndTellsWhatItLost: however events come in
// batches and are taken out, every one is heard in order or counted in the gap
// before the next.
func TestAQueueOfEventsKeepsToItsBoundsAndTellsWhatItLost(t *testing.T) {
	s := &source{random: rand.New(rand.NewPCG(5, 6))}
	q := New()
	expected, lost, full := uint64(0), uint64(0), [2]bool{}
	kept := map[uint64][]byte{} // of some events that were not lent
	hear := func(ev Event) error {
		lost += ev.Gap
		expected += ev.Gap
		require.Equal(t, expected, binary.BigEndian.Uint64(ev.Body))
		require.Equal(t, "topic", ev.Topic)
		expected++
		return nil
	}
	drain := func(most int) {
		for range most {
			if s.random.IntN(200) > 0 {
				if ok, _, _ := q.Lend(hear); !ok {
					return
				}
				continue
			}
			ev, ok, _ := q.Pop()
			if !ok {
				return
			}
			require.NoError(t, hear(ev))
			kept[expected-1] = ev.Body
		}
	}
	for round := range 3000 {
		s.rare = 2 + round/500%2*30
		b := s.batch()
		pending := b.size
		q.Push(b)
		full[0] = full[0] || q.events > maxEvents-2*maxBatch
		full[1] = full[1] || q.bytes > maxBytes-(8<<20)
		require.LessOrEqual(t, q.events+maxBatch, maxEvents)
		if pending < slabBytes {
			require.LessOrEqual(t, q.bytes+slabBytes, maxBytes)
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
	q.Push(Batch{topic: "topic", count: 1, size: 8, single: &content{body: s.body(0)}})
	drain(1)
	require.Equal(t, s.next, expected, "the last event tells of all that was lost")
	require.NotZero(t, lost)
	require.NotEmpty(t, kept)
	for number, body := range kept {
		require.Equal(t, number, binary.BigEndian.Uint64(body), "what is to keep is not used again")
	}
}

func TestAnEventLargerThanTheBoundWaitsAlone(t *testing.T) {
	q := New()
	large := Batch{count: 1, size: maxBytes + 1, single: &content{}}
	q.Push(large)
	q.Push(Batch{count: 1, size: 1, single: &content{body: []byte{1}}})
	_, ok, _ := q.Pop()
	require.True(t, ok)
	_, ok, _ = q.Pop()
	require.False(t, ok)
	q.Push(Batch{gap: 3, count: 1, size: 1, single: &content{body: []byte{2}}})
	ev, ok, _ := q.Pop()
	require.True(t, ok)
	require.EqualValues(t, 4, ev.Gap)
}
